import { PROBE_TIMEOUT_MS } from './data-source.js';
import type { Query } from './connections.js';
import { writeBeat } from './history.store.js';
import { isSameHistory, lostMilliseconds } from './history-verdict.js';
import type { HistoryFacts, KnownHistory } from './history-verdict.js';

/** How a process says of itself that it is there. */
export interface Presence {
  readonly incarnation: string;
  /** How far it is with this history, and whether nothing is missing any more. */
  readonly stage: number;
  readonly open: boolean;
  /** When the oldest answer was asked for that is still to be written; undefined for none. */
  readonly heldSince: number | undefined;
}

/** What this process has written to the database, against which it measures what the database says. */
export class OwnWriting {
  /** The history as it was when nothing was missing. */
  private complete: KnownHistory | undefined;
  /** The history as it was when this process wrote last, also while it was asking. */
  private last: KnownHistory | undefined;
  private beat = 0;

  constructor(private readonly process: string) {}

  /** The history as it was when nothing was missing; undefined before that was so. */
  get known(): KnownHistory | undefined {
    return this.complete;
  }

  /** Whether this can only be the history that was known, and all of it. */
  isAllIn(found: HistoryFacts): boolean {
    return this.complete !== undefined && isSameHistory(this.complete, found);
  }

  /** Whether what was written to this very server, maybe while it was asked, is gone. */
  isGoneFromTheSame(found: HistoryFacts): boolean {
    return this.last?.incarnation === found.incarnation && !isSameHistory(this.last, found);
  }

  /** Milliseconds of it that the database lacks. */
  lackedBy(found: HistoryFacts): number {
    return lostMilliseconds(this.complete, found);
  }

  /** Writes that this process is there. @throws StorageUnavailableError */
  async write(query: Query, presence: Presence): Promise<void> {
    this.beat += 1;
    const { beat, process } = this;
    const { incarnation, stage, open, heldSince = null } = presence;
    const written = { process, beat, incarnation, stage, heldSince };
    const { counter, beatAt } = await writeBeat(
      query,
      { ...written, counter: this.complete?.counter ?? 0 },
      PROBE_TIMEOUT_MS,
    );
    const since = this.complete?.since ?? beatAt;
    this.last = { incarnation, counter, beat, beatAt, since };
    // Not before it is open: until then what it lacks is measured against what was known before.
    if (open) this.complete = this.last;
  }
}
