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
  readonly incarnation: string;
  readonly stage: number;
  readonly beatAt: number;
}

export interface Waiting {
  readonly incarnation: string;
  /** When somebody, this process or another, wrote to the last history for the last time. */
  readonly lastWritten: number;
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
/** Milliseconds: who was silent for so long while others were not had ended before. */
const LONG_SILENT_MS = 60_000;

/** Those who may remember something of the last history, and have not said so yet. */
export function missing(others: readonly OtherReplica[], waiting: Waiting): OtherReplica[] {
  const { incarnation, lastWritten, stage, waited, inherited } = waiting;
  return others.filter((other) => {
    if (other.incarnation === incarnation && other.stage >= stage) return false;
    if (lastWritten - other.beatAt > LONG_SILENT_MS) return false;
    return waited < (inherited.has(other.process) ? PATIENCE_FOR_HEIRS_MS : PATIENCE_MS);
  });
}
