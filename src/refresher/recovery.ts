import type { Clock, Log } from '../common/index.js';
import type { CommitQueue } from './commit-queue.js';
import type { Spool } from './spool.js';

/** Milliseconds between two looks for entries that somebody left behind. */
const LOOK_EVERY = 500;

/** What recovery needs of the spool. */
export type RecoverySource = Pick<Spool, 'list' | 'read' | 'prepare'>;

/**
 * Commits answers found in the spool: those of an earlier process after a start or an outage, and
 * those of a process that shares the directory and was killed. Committing what its owner is about
 * to commit as well does no harm.
 */
export class Recovery {
  private lookedAt = -Infinity;

  constructor(
    private readonly spool: RecoverySource,
    private readonly commits: Pick<CommitQueue, 'adopt' | 'holds'>,
    private readonly clock: Clock,
    private readonly log: Log,
    /** Milliseconds after which an answer that is asked for has come or never will. */
    private readonly answerDeadline: number,
  ) {}

  /** Commits all that is there. */
  adoptAll(): void {
    this.adopt(Infinity);
  }

  /**
   * Commits what its owner, if it were alive, would have committed by now. Meant for the moment
   * before leases that ran out are taken over: what such a lease stands for may lie here, and need
   * not be in doubt.
   */
  adoptAbandoned(): void {
    const now = this.clock.now();
    if (now - this.lookedAt < LOOK_EVERY) return;
    this.lookedAt = now;
    this.adopt(now - this.answerDeadline);
  }

  private adopt(before: number): void {
    for (const entry of this.entries(before)) {
      const spooled = this.spool.read(entry);
      if (!spooled || this.commits.holds(spooled.result)) continue;
      this.commits.adopt(spooled.result, spooled.entry).then(
        ({ kind }) => {
          this.log.event('info', 'spool.recovered', { outcome: kind });
        },
        (error: unknown) => {
          this.log.failure('spool.recovery_failed', error);
        },
      );
    }
  }

  /** A spool that can't be read is a reason to complain, not to stop: a new one is made. */
  private entries(before: number): string[] {
    try {
      return this.spool.list(before);
    } catch (error) {
      this.log.failure('spool.list_failed', error);
    }
    try {
      this.spool.prepare();
      return this.spool.list(before);
    } catch {
      return [];
    }
  }
}
