export interface JournalOptions {
  readonly directory: string;
  /** A UUID that no other process has. */
  readonly writer: string;
  /** Milliseconds for which a settled record is kept. */
  readonly retention: number;
  /** Monotonic milliseconds: the ages of files are not to depend on a clock that is stepped. */
  readonly monotonic?: () => number;
}

/** How the journal is doing: for readiness and metrics. */
export interface JournalStatus {
  /** False after a write or flush failed, until one succeeds. */
  readonly writable: boolean;
  /** Records that could not be written, or not flushed, since the start. */
  readonly failures: number;
  /** The system's code of the last failure. */
  readonly lastError: string | undefined;
  /** Records that are not settled. */
  readonly unsettled: number;
  /** Records that are kept, settled or not. */
  readonly remembered: number;
  readonly segments: number;
  /** Records that could not be opened, or not be used. */
  readonly setAside: number;
  /** Lines of others under a key that this process lacks: left where they are, for who has it. */
  readonly foreign: number;
  /** Files of another user's processes, which this one may not read. */
  readonly closed: number;
}
