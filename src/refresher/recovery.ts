import type { Clock, Log } from '../common/index.js';
import type { RotationStore } from '../tokens/index.js';
import type { CommitQueue } from './commit-queue.js';
import type { ProcessMarks } from './process-marks.js';
import type { Spool, SpooledResult } from './spool.js';

/** Milliseconds between two looks for entries that somebody left behind. */
const LOOK_EVERY = 500;

/** What recovery works with; the simulation brings its own. */
export interface RecoveryDependencies {
  readonly spool: Pick<Spool, 'list' | 'read' | 'prepare'>;
  readonly marks: Pick<ProcessMarks, 'dead' | 'forget'>;
  readonly commits: Pick<CommitQueue, 'adopt' | 'holds'>;
  readonly store: Pick<RotationStore, 'releaseAll'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Commits answers found in the spool: those of an earlier process after a start or an outage, and
 * those of a process that shares the directory and was killed. Committing what its owner is about
 * to commit as well does no harm.
 */
export class Recovery {
  private lookedAt = -Infinity;

  constructor(
    private readonly dependencies: RecoveryDependencies,
    /** Milliseconds after which an answer that is asked for has come or never will. */
    private readonly answerDeadline: number,
  ) {}

  /** Commits all that is there. @returns when it is settled, at whatever time */
  async adoptAll(): Promise<void> {
    await this.adopt(Infinity, ({ result }) => !this.dependencies.commits.holds(result));
  }

  /**
   * Commits what its owner, if it were alive, would have committed by now. Meant for the moment
   * before leases that ran out are taken over: what such a lease stands for may lie here, and need
   * not be in doubt.
   */
  adoptAbandoned(): void {
    const now = this.dependencies.clock.now();
    if (now - this.lookedAt < LOOK_EVERY) return;
    this.lookedAt = now;
    const { commits } = this.dependencies;
    void this.adopt(now - this.answerDeadline, ({ result }) => !commits.holds(result));
  }

  /**
   * Ends the leases of killed processes: first their answers are committed, then what is left is
   * given back, in doubt.
   *
   * @returns whether there were any
   * @throws StorageUnavailableError
   */
  async settleDead(): Promise<boolean> {
    const { marks, store, log } = this.dependencies;
    const dead = marks.dead();
    if (dead.length === 0) return false;
    // Also what is being committed already: it must have ended before its lease is given back.
    await this.adopt(Infinity, ({ result }) =>
      dead.some((owner) => result.leaseOwner.startsWith(`${owner}/`)),
    );
    for (const owner of dead) {
      const leases = await store.releaseAll(owner);
      marks.forget(owner);
      log.event('warn', 'process.found_dead', { owner, leases });
    }
    return true;
  }

  private async adopt(before: number, wanted: (spooled: SpooledResult) => boolean): Promise<void> {
    const adopted: Promise<void>[] = [];
    for (const entry of this.entries(before)) {
      const spooled = this.dependencies.spool.read(entry);
      if (spooled && wanted(spooled)) adopted.push(this.commit(spooled));
    }
    await Promise.all(adopted);
  }

  private async commit({ result, entry }: SpooledResult): Promise<void> {
    const { commits, log } = this.dependencies;
    try {
      const { kind } = await commits.adopt(result, entry);
      log.event('info', 'spool.recovered', { outcome: kind });
    } catch (error) {
      log.failure('spool.recovery_failed', error);
    }
  }

  /** A spool that can't be read is a reason to complain, not to stop: a new one is made. */
  private entries(before: number): string[] {
    const { spool, log } = this.dependencies;
    try {
      return spool.list(before);
    } catch (error) {
      log.failure('spool.list_failed', error);
    }
    try {
      spool.prepare();
      return spool.list(before);
    } catch {
      return [];
    }
  }
}
