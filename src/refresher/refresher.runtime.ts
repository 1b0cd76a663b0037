import { Inject, Injectable } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Log, StorageUnavailableError } from '../common/index.js';
import { VAULT_CONFIG } from '../config/index.js';
import type { VaultConfig } from '../config/index.js';
import { Database, DatabaseClock, ProcessId } from '../database/index.js';
import { Sealer } from '../encryption/index.js';
import { Metrics } from '../metrics/index.js';
import { ProviderRegistry } from '../providers/index.js';
import { Journal, Shelf } from '../journal/index.js';
import { GrantStore, RotationStore, TokenSealer } from '../grants/index.js';
import { GrantCache, ReadTracker } from '../tokens/index.js';
import { CommitQueue } from './commit-queue.js';
import { RefreshSchedule } from './refresh-schedule.js';
import { Refresher } from './refresher.service.js';
import { ProcessRegistry } from './process-registry.js';
import { Recovery } from './recovery.js';
import { Reinstatement } from './reinstatement.js';
import { RotationEvents } from './rotation-events.js';
import { ROTATION_FORMAT } from './rotation-format.js';
import { Rotation } from './rotation.js';

/**
 * Milliseconds of uninterrupted contact with the database before a lease that ran out may be taken
 * over: time for an owner that was cut off with us to commit what it holds.
 */
const TAKE_OVER_AFTER = 4000;
/** Milliseconds by which a lease outlives the deadline of the provider call made under it. */
const LEASE_MARGIN = 5000;
/**
 * Milliseconds: long enough for a killed replica to be back and to commit what its spool holds,
 * short enough for a provider's grace of 30 s.
 */
const SHORTEST_LEASE = 15_000;
/**
 * Milliseconds within which a provider has seen the last request of a killed process: presented
 * before that, the same token could overtake it. At most `PROVIDER_TIMEOUT`.
 */
const LAST_REQUEST = 5000;
/** Milliseconds within which an answer is written down; the lease leaves time to find it then. */
const ANSWER_MARGIN = 1000;

/** Puts the refresher together, and starts and stops it. */
@Injectable()
export class RefresherRuntime {
  readonly commits: CommitQueue;
  readonly refresher: Refresher;
  readonly schedule: RefreshSchedule;
  private readonly marks: ProcessRegistry;
  private readonly recovery: Recovery;
  private readonly owner: string;
  private settling = false;
  private started = false;
  private stopped = false;

  constructor(
    @Inject(VAULT_CONFIG) private readonly config: VaultConfig,
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
    metrics: Metrics,
    sealer: Sealer,
    tokenSealer: TokenSealer,
    store: RotationStore,
    private readonly grants: GrantStore,
    cache: GrantCache,
    reads: ReadTracker,
    providers: ProviderRegistry,
    journal: Journal,
    { value: owner }: ProcessId,
    private readonly scheduler: SchedulerRegistry,
  ) {
    const { refresh } = config;
    const providerTimeout = refresh.providerTimeout * 1000;
    const random = Math.random;
    this.owner = owner;
    const shelf = new Shelf(journal, ROTATION_FORMAT, config.spoolDir, sealer, log);
    this.commits = new CommitQueue(store, shelf, clock, log);
    const leaseDuration = Math.max(providerTimeout + LEASE_MARGIN, SHORTEST_LEASE);
    this.marks = new ProcessRegistry(config.spoolDir, log);
    const { marks, commits } = this;
    this.recovery = new Recovery(
      { shelf, marks, commits, store, clock, log },
      {
        answerDeadline: providerTimeout + ANSWER_MARGIN,
        lastRequest: Math.min(providerTimeout, LAST_REQUEST),
      },
    );
    const events = new RotationEvents(log, metrics, clock);
    const rotation = new Rotation(
      {
        store,
        commits: this.commits,
        sealer: tokenSealer,
        clock,
        log,
        listener: events,
        cache,
        random,
      },
      { providerTimeout, lead: refresh.lead * 1000 },
    );
    this.refresher = new Refresher(
      {
        store,
        grants,
        providers,
        rotation,
        reinstatement: new Reinstatement(store, tokenSealer, log),
        commits: this.commits,
        clock,
        random,
        onRetired: (grant, reason) => {
          events.retired(grant, reason);
        },
      },
      {
        owner: this.owner,
        policy: { mode: refresh.policy, activeWindow: refresh.activeWindow * 1000 },
        providerTimeout,
        leaseDuration,
        mayTakeOver: () => this.mayTakeOver(),
        onFailure: (error) => {
          if (!(error instanceof StorageUnavailableError)) log.failure('rotation.failed', error);
        },
      },
    );
    const lead = refresh.policy === 'active' ? refresh.lead * 1000 : 0;
    const noteReads = () => reads.flush((batch) => grants.touch(batch, lead));
    this.schedule = new RefreshSchedule(this.refresher, providers, store, [noteReads], log);
    metrics.gauge(
      'stitch_vault_spool_set_aside',
      'Spool entries that could not be used.',
      [],
      () => [{ labels: {}, value: shelf.setAsideCount + journal.status.setAside }],
    );
    metrics.gauge('stitch_vault_answers_in_hand', 'Provider answers not committed yet.', [], () => [
      { labels: {}, value: this.commits.size },
    ]);
  }

  /** Begins to look for work. Call it once the keyring is known to be complete. */
  start(): void {
    if (this.started || this.stopped) return;
    this.database.onRecovery(() => {
      this.recover();
    });
    this.marks.announce(this.owner);
    if (this.database.available) this.recover();
    this.started = true;
    this.schedule.start();
    void this.reschedule();
    const regularly = setInterval(() => {
      void this.settleDead();
      this.schedule.wake();
    }, this.config.refresh.interval * 1000);
    this.scheduler.addInterval('refresh', regularly);
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  /** Looks for no more work by itself; demands are still met. */
  stop(): void {
    if (this.started) this.scheduler.deleteInterval('refresh');
    this.started = false;
    this.stopped = true;
    this.schedule.stop();
  }

  /**
   * Finishes what is in flight and commits it, in bounded time. What cannot be committed then stays
   * in the spool.
   */
  async drain(): Promise<void> {
    await this.refresher.drain(this.config.refresh.providerTimeout * 1000 + 1000);
    await this.commits.drain(1500);
    // What could not be ended in order is for the next process to settle.
    if (this.refresher.active === 0 && this.commits.size === 0) this.marks.forget(this.owner);
  }

  /** Puts grants on the schedule that a narrower refresh policy had left off it. */
  private async reschedule(): Promise<void> {
    const { policy, lead, activeWindow } = this.config.refresh;
    if (policy === 'on-demand') return;
    try {
      const window = policy === 'active' ? activeWindow * 1000 : null;
      if ((await this.grants.reschedule(lead * 1000, window)) > 0) this.schedule.wake();
    } catch (error) {
      // Tried again at the next start; until then readers have them refreshed.
      this.log.failure('schedule.reschedule_failed', error);
    }
  }

  /** Not before the spool was read: it may hold the answer that a lease stands for. */
  private mayTakeOver(): boolean {
    if (!this.started || this.database.contactFor <= TAKE_OVER_AFTER) return false;
    this.recovery.recoverAbandoned();
    return !this.recovery.busy;
  }

  private recover(): void {
    void this.recovery.recoverAll().then(() => this.settleDead());
    this.schedule.wake();
  }

  private async settleDead(): Promise<void> {
    if (this.settling) return;
    this.settling = true;
    try {
      if (await this.recovery.settleDead()) this.schedule.wake();
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) this.log.failure('settling.failed', error);
    } finally {
      this.settling = false;
    }
  }
}
