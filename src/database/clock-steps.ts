/** The database's clock was found to be so many milliseconds ahead of, or behind, where it was. */
export interface ClockStep {
  readonly by: number;
  /** When it was found. Monotonic, as the next. */
  readonly at: number;
  /** The last time at which it was known to be in step. */
  readonly since: number;
  /**
   * When the tokens of before it that it makes look new had been ended in the table. Monotonic;
   * undefined while that has not been done.
   */
  readonly endedAt?: number;
}

/** What the row of a token says. */
export interface TokenAge {
  /** Milliseconds since it was obtained, by the database's clock. */
  readonly age: number;
  /** Milliseconds between its being obtained and its end. */
  readonly lifetime: number;
  /** Monotonic time before the row was read: what was done in the table later is not in it. */
  readonly readAt: number;
}

/** Milliseconds after which every replica has noticed a step that one of them has noticed. */
const NOTICED_BY_ALL_MS = 3000;

/**
 * Milliseconds by which a token may be older than the database's clock makes it, because that clock
 * was set back after the token was obtained.
 *
 * A time that the clock showed before a step back is shown a second time after it. Where a token's
 * time may be of either, the earlier one counts: nobody is served a token that either clock calls
 * dead. With one exception: where the step is longer than the token lives it counts as obtained after
 * it, or nothing new could be served for as long as the step is. Those of before such a step are ended
 * in the table when it is noticed (see `GrantScheduleStore`): what is obtained after that is new.
 *
 * @param steps in the order in which they happened
 * @param now monotonic
 */
export function understatedAge(
  steps: readonly ClockStep[],
  { age, lifetime, readAt }: TokenAge,
  now: number,
): number {
  let ahead = 0;
  let most = 0;
  /** The latest stretch that it may be of. */
  let latest: { ahead: number; endedBefore: boolean } | undefined;
  // From now into the past: each stretch between two steps in which the clock may have shown the time.
  for (let index = steps.length; index >= 0; index -= 1) {
    const ended = steps[index];
    if (ended) ahead -= ended.by;
    const began = steps[index - 1];
    const obtained = now - age - ahead;
    const to = ended ? ended.at + NOTICED_BY_ALL_MS : Infinity;
    if (obtained < (began?.since ?? -Infinity) || obtained > to) continue;
    if (latest?.endedBefore && ahead - latest.ahead >= lifetime) continue;
    latest ??= { ahead, endedBefore: wereEnded(steps.slice(0, index), Math.min(obtained, readAt)) };
    most = Math.max(most, ahead);
  }
  return most;
}

/**
 * Whether the tokens that these steps make look new had been ended by then: the last step back ends
 * those that earlier ones would have brought back as well.
 */
function wereEnded(steps: readonly ClockStep[], by: number): boolean {
  const last = steps.findLast((step) => step.by < 0);
  return !last || by >= (last.endedAt ?? Infinity);
}
