import type { Clock, Log } from '../common/index.js';
import type { Shelf, Shelved } from '../journal/index.js';
import type { RotationResult, RotationStore } from '../grants/index.js';
import type { CommitQueue } from './commit-queue.js';
import type { ProcessRegistry } from './process-registry.js';

/** Milliseconds between two looks for entries that somebody left behind. */
const LOOK_EVERY_MS = 500;

/** What recovery works with; the simulation brings its own. */
export interface RecoveryDependencies {
  readonly shelf: Pick<Shelf<RotationResult>, 'list' | 'read'>;
  readonly processes: Pick<ProcessRegistry, 'dead' | 'forget'>;
  readonly commits: Pick<CommitQueue, 'recover' | 'isUncommitted'>;
  readonly store: Pick<RotationStore, 'shortenLeases'>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RecoverySettings {
  /** Milliseconds after which an answer that is asked for has come or never will. */
  readonly answerDeadline: number;
  /** Milliseconds within which a provider has seen the last request of a process found dead. */
  readonly lastRequest: number;
}

/**
 * Commits answers found in the spool: those of an earlier process after a start or an outage, and
 * those of a process that shares the directory and was killed. Committing what its owner is about
 * to commit as well does no harm.
 */
export class Recovery {
  private lookedAt = -Infinity;
  private committing = 0;
  private unlisted = false;

  constructor(
    private readonly dependencies: RecoveryDependencies,
    private readonly settings: RecoverySettings,
  ) {}

  /**
   * Whether answers that were found are being committed. Until then no lease may be taken over: it
   * may be one that an answer stands for.
   */
  get busy(): boolean {
    return this.committing > 0;
  }

  /** Commits all that is there. @returns when it is settled, at whatever time */
  async recoverAll(): Promise<void> {
    await this.recover(Infinity, ({ item }) => !this.dependencies.commits.isUncommitted(item));
  }

  /**
   * Commits what its owner, if it were alive, would have committed by now. Meant for the moment
   * before leases that ran out are taken over: what such a lease stands for may lie here, and need
   * not be in doubt.
   */
  recoverAbandoned(): void {
    const now = this.dependencies.clock.now();
    // Either way: the database's clock may have been set back.
    if (Math.abs(now - this.lookedAt) < LOOK_EVERY_MS) return;
    this.lookedAt = now;
    const { commits } = this.dependencies;
    void this.recover(
      now - this.settings.answerDeadline,
      ({ item }) => !commits.isUncommitted(item),
    );
  }

  /**
   * Ends the leases of killed processes early: first their answers are committed, then what is
   * left need only wait until the provider has seen their last requests.
   *
   * @returns whether there were any
   * @throws StorageUnavailableError
   */
  async settleDead(): Promise<boolean> {
    const { processes, store, log } = this.dependencies;
    const dead = processes.dead();
    if (dead.length === 0) return false;
    // Also what is being committed already: it must have ended before its lease is given back.
    const settled = await this.recover(Infinity, ({ item }) =>
      dead.some((owner) => item.leaseOwner.startsWith(`${owner}/`)),
    );
    // What could not be read or stored may be what a lease stands for: that one is waited for.
    if (!settled) return false;
    for (const owner of dead) {
      const leases = await store.shortenLeases(owner, this.settings.lastRequest);
      processes.forget(owner);
      log.event('warn', 'process.found_dead', { owner, leases });
    }
    return true;
  }

  /** @returns whether all of it could be read and was settled */
  private async recover(
    before: number,
    wanted: (shelved: Shelved<RotationResult>) => boolean,
  ): Promise<boolean> {
    const entries = this.entries(before);
    if (!entries) return false;
    const recovered = entries.map(async (entry) => {
      try {
        const shelved = this.dependencies.shelf.read(entry);
        return !shelved || !wanted(shelved) || (await this.commit(shelved));
      } catch (error) {
        this.dependencies.log.failure('spool.recovery_failed', error, { entry });
        return false;
      }
    });
    return (await Promise.all(recovered)).every(Boolean);
  }

  /** @returns false for one that the database refuses for now: what a lease stands for is not settled then */
  private async commit({ item, entry }: Shelved<RotationResult>): Promise<boolean> {
    const { commits, log } = this.dependencies;
    this.committing += 1;
    try {
      const { kind } = await commits.recover(item, entry);
      // A row that somebody keeps locked can't be taken over either: it must not hold up others.
      const isOver = kind !== 'locked' && kind !== 'refused';
      if (isOver) log.event('info', 'spool.recovered', { outcome: kind });
      return kind !== 'refused';
    } finally {
      this.committing -= 1;
    }
  }

  /** A directory that can't be read is a reason to complain, once until it can be, and not to stop. */
  private entries(before: number): string[] | undefined {
    const { shelf, log } = this.dependencies;
    try {
      const entries = shelf.list(before);
      this.unlisted = false;
      return entries;
    } catch (error) {
      if (!this.unlisted) log.failure('spool.list_failed', error);
      this.unlisted = true;
      return undefined;
    }
  }
}
