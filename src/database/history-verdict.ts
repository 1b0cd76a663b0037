/** What tells one history of the database from another. Times are milliseconds of its own clock. */
export interface HistoryFacts {
  /** Timeline, start of the server, database and tables: see `stitch_incarnation()`. */
  readonly incarnation: string;
  /** The counter that all replicas advance. */
  readonly counter: number;
  /** When it was advanced last. */
  readonly advancedAt: number;
  /** What the database says that this process has written last; null when nothing. */
  readonly own: { readonly beat: number; readonly beatAt: number } | null;
}

/** What a process knows of the history that it wrote to last. */
export interface KnownHistory {
  readonly incarnation: string;
  readonly counter: number;
  readonly beat: number;
  readonly beatAt: number;
  /** When the process wrote to it for the first time. */
  readonly since: number;
}

/** Whether this can only be the history that the process has written to, and all of it. */
export function isSameHistory(known: KnownHistory, found: HistoryFacts): boolean {
  return (
    found.incarnation === known.incarnation &&
    found.counter >= known.counter &&
    found.own !== null &&
    found.own.beat >= known.beat
  );
}

/**
 * How many milliseconds of what the process has written the database lacks; 0 when nothing. Where
 * it has never heard of the process, at least for as long as the process has been writing.
 */
export function lostMilliseconds(known: KnownHistory | undefined, found: HistoryFacts): number {
  if (!known) return 0;
  if (found.own && found.own.beat >= known.beat) return 0;
  const last = found.own?.beatAt ?? Math.min(found.advancedAt, known.since);
  return Math.max(0, known.beatAt - last);
}

/** Another process as the database knows it. */
export interface OtherReplica {
  readonly process: string;
  readonly beat: number;
  readonly incarnation: string;
  readonly stage: number;
  readonly beatAt: number;
  /** Milliseconds since this process saw it write, by the monotonic clock; left out when it has not. */
  readonly seenMsAgo?: number;
}

/** Beats by which a process may have been ahead of what was last heard of it; to compare takes more. */
const AHEAD = 2;

/**
 * What can still be believed when a server went back and is the same one as before, as after a
 * machine was set back to a snapshot. What its table says of other processes was written before the
 * step, until they have written more than they had by then.
 *
 * @param heard the last beat of each other that was heard of before the step
 */
export function withoutOldWords<T extends OtherReplica>(
  others: readonly T[],
  heard: ReadonlyMap<string, number>,
): T[] {
  return others.map((other) => {
    const before = heard.get(other.process);
    const old = before !== undefined && other.beat <= before + AHEAD;
    return old ? { ...other, incarnation: `before ${other.incarnation}` } : other;
  });
}

export interface Waiting {
  readonly incarnation: string;
  /** When somebody, this process or another, wrote to the last history for the last time. */
  readonly lastWritten: number;
  /** The database's time. */
  readonly now: number;
  /** Those that are this far, or further, are not waited for. */
  readonly stage: number;
  /** Milliseconds for which this process has waited already. */
  readonly waited: number;
  /** Processes whose journals this one has read: what they remember is not lost without them. */
  readonly inherited: ReadonlySet<string>;
}

/** Milliseconds that a process is waited for which was there when the history changed. */
const PATIENCE_MS = 20_000;
/** The same for one whose journal is at hand: it may still be alive, with calls on their way. */
export const PATIENCE_FOR_HEIRS_MS = 3000;
/** The same for one who has come and lives: it may have waited itself, and gives its leases back next. */
const PATIENCE_FOR_LIVING_MS = 60_000;
/** Milliseconds for which a process that has written lives: they write once a second. */
export const LIVING_MS = 4000;
/** Milliseconds: who was silent for so long while others were not had ended before. */
const LONG_SILENT_MS = 60_000;

/** Those who may remember something of the last history, and have not said so yet. */
export function missing(others: readonly OtherReplica[], waiting: Waiting): OtherReplica[] {
  const { incarnation, lastWritten, now, stage, waited, inherited } = waiting;
  return others.filter((other) => {
    if (other.incarnation === incarnation && other.stage >= stage) return false;
    // By all that is known: the clock of the database may have been set in between, more than once.
    const seen = Math.min(Math.abs(now - other.beatAt), other.seenMsAgo ?? Infinity);
    const silent = Math.min(lastWritten - other.beatAt, seen) > LONG_SILENT_MS;
    // Of one that this process never saw write, the database's clock alone says so, and that may have been set:
    // it may have been there all the time, and could not write.
    if (silent && other.seenMsAgo !== undefined) return false;
    const lives = other.incarnation === incarnation && seen < LIVING_MS;
    if (lives) return waited < PATIENCE_FOR_LIVING_MS;
    return waited < (inherited.has(other.process) ? PATIENCE_FOR_HEIRS_MS : PATIENCE_MS);
  });
}
