/** The database's clock was found to be so many milliseconds ahead of, or behind, where it was. */
export interface ClockStep {
  readonly by: number;
  /** When it was found. Monotonic, as the next. */
  readonly at: number;
  /** The last time at which it was known to be in step. */
  readonly since: number;
}

/** Milliseconds after which every replica has noticed a step that one of them has noticed. */
const NOTICED_BY_ALL_MS = 3000;

/** Milliseconds after noticing a step within which the tokens that it makes look new are ended. */
const ENDED_MS = 2000;

/**
 * Milliseconds by which a token may be older than the database's clock makes it, because that clock
 * was set back after the token was obtained.
 *
 * A time that the clock showed before a step back is shown a second time after it. Where a token's
 * time may be of either, the earlier one counts: nobody is served a token that either clock calls
 * dead. With one exception: where the step is longer than the token lives it counts as obtained after
 * it, or nothing new could be served for as long as the step is. Those of before such a step are ended
 * in the table when it is noticed (see `GrantScheduleStore`).
 *
 * @param steps in the order in which they happened
 * @param age milliseconds since the token was obtained, by the database's clock
 * @param lifetime milliseconds between its being obtained and its end
 * @param now monotonic
 */
export function understatedAge(
  steps: readonly ClockStep[],
  age: number,
  lifetime: number,
  now: number,
): number {
  let ahead = 0;
  let most = 0;
  /** The latest stretch that it may be of. */
  let latest: { ahead: number; sinceStep: number } | undefined;
  // From now into the past: each stretch between two steps in which the clock may have shown the time.
  for (let index = steps.length; index >= 0; index -= 1) {
    const ended = steps[index];
    if (ended) ahead -= ended.by;
    const began = steps[index - 1];
    const obtained = now - age - ahead;
    const to = ended ? ended.at + NOTICED_BY_ALL_MS : Infinity;
    if (obtained < (began?.since ?? -Infinity) || obtained > to) continue;
    if (latest && ahead - latest.ahead >= lifetime && latest.sinceStep > ENDED_MS) continue;
    latest ??= { ahead, sinceStep: obtained - (began?.at ?? -Infinity) };
    most = Math.max(most, ahead);
  }
  return most;
}
