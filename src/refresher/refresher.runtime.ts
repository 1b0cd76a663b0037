import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { HealthRegistry, Log, StorageUnavailableError } from '../common/index.js';
import { journalConfig, refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { Database, DatabaseClock, History, ProcessId } from '../database/index.js';
import { Sealer } from '../encryption/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import type { BackgroundWork } from '../lifecycle/index.js';
import { Metrics } from '../metrics/index.js';
import { ProviderRegistry } from '../providers/index.js';
import { Journal, Shelf } from '../journal/index.js';
import {
  GrantScheduleStore,
  GrantStore,
  ProviderTrustStore,
  RestoreStore,
  RotationStore,
  TokenSealer,
} from '../grants/index.js';
import { GrantCache, ReadTracker } from '../tokens/index.js';
import { Tracing } from '../tracing/index.js';
import { assembleRefresher } from './assemble-refresher.js';
import type { AssembledRefresher } from './assemble-refresher.js';
import { commitsPart } from './commits-part.js';
import type { RefreshPolicy } from './decide-refresh.js';
import type { Refresher } from './refresher.service.js';
import { ProcessRegistry } from './process-registry.js';
import { HELD_FORMAT, holdAnew } from './held-answers.js';
import { Reinstatement } from './reinstatement.js';
import { RememberedRotations } from './remembered-rotations.js';
import { RotationEvents } from './rotation-events.js';
import { ROTATION_FORMAT } from './rotation-format.js';

/** Milliseconds after a step of the clock by which most calls that were under way have been answered. */
const STILL_ANSWERED_MS = 5000;
/** Milliseconds until times that could not be mended are tried once more. */
const MEND_RETRY_MS = 5000;
/** The same for grants that could not be put on the schedule. */
const RESCHEDULE_RETRY_MS = 5000;

/** The refresher of this process, with the real database, disk and providers around it. */
@Injectable()
export class RefresherRuntime implements BackgroundWork {
  private readonly assembled: AssembledRefresher;
  private readonly processes: ProcessRegistry;
  private readonly owner: string;
  private started = false;

  constructor(
    @Inject(refreshConfig.KEY) private readonly config: ConfigType<typeof refreshConfig>,
    @Inject(journalConfig.KEY) { directory }: ConfigType<typeof journalConfig>,
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
    metrics: Metrics,
    sealer: Sealer,
    tokenSealer: TokenSealer,
    store: RotationStore,
    trustStore: ProviderTrustStore,
    grants: GrantStore,
    private readonly dueTimes: GrantScheduleStore,
    cache: GrantCache,
    reads: ReadTracker,
    providers: ProviderRegistry,
    journal: Journal,
    restored: RestoreStore,
    history: History,
    { value: owner }: ProcessId,
    tracing: Tracing,
    works: BackgroundWorks,
    health: HealthRegistry,
  ) {
    // Requests under way may wait for a rotation.
    works.add(this, 'after-requests');
    this.owner = owner;
    this.processes = new ProcessRegistry(directory, log);
    const shelf = new Shelf(journal, ROTATION_FORMAT, directory, sealer, log);
    const heldShelf = new Shelf(journal, HELD_FORMAT, directory, sealer, log);
    const policy: RefreshPolicy = {
      mode: config.policy,
      activeWindow: config.activeWindowMs,
      paused: () => history.paused !== undefined,
    };
    for (const { provider } of providers.all()) metrics.expect(provider.name);
    const activeLead = config.policy === 'active' ? config.leadMs : 0;
    this.assembled = assembleRefresher(
      {
        store,
        trustStore,
        grants,
        providers,
        reinstatement: new Reinstatement(store, tokenSealer, log),
        sealer: tokenSealer,
        cache,
        shelf,
        heldShelf,
        processes: this.processes,
        contact: {
          get contactFor() {
            return database.contactFor;
          },
          get inStepForMs() {
            return clock.inStepForMs;
          },
        },
        listener: new RotationEvents(log, metrics, clock, policy),
        clock,
        log,
        history,
        standing: () => ({
          process: owner,
          beat: history.lastBeat,
          now: clock.leaseNow(),
          epoch: history.epoch,
        }),
        random: Math.random,
        trace: tracing.trace,
        periodicTasks: [() => reads.flush((batch) => dueTimes.touch(batch, activeLead))],
      },
      {
        owner,
        policy,
        providerTimeoutMs: config.providerTimeoutMs,
        leadMs: config.leadMs,
        intervalMs: config.intervalMs,
      },
    );
    // A step before the start is dealt with at the start.
    clock.onStep(({ by }) => {
      this.stepped(by);
    });
    const { commits, rotation, leaseMs } = this.assembled;
    health.add(commitsPart(commits, database));
    const remembered = new RememberedRotations(
      { shelf, cache, store: restored, leased: () => rotation.leased },
      leaseMs,
    );
    history.onForgotten('rotations', (step) => remembered.restore(step));
    // After the rotations: a version that was understood since is not held any more.
    history.onForgotten('rotations', () => holdAnew(heldShelf, restored));
    history.onForgotten('leases', (step) => remembered.lease(step));
    history.heldSince = () => rotation.oldest;
    // A killed process that had written nothing has left its mark alone.
    history.inherited = () => new Set([...journal.otherWriters, ...this.processes.dead()]);
    metrics.gauge(
      'stitch_vault_spool_set_aside',
      'Spool entries that could not be used.',
      [],
      () => [{ labels: {}, value: shelf.setAsideCount + journal.status.setAside }],
    );
    metrics.gauge(
      'stitch_vault_provider_suspected',
      'Whether refusals of a provider are not believed, so that nothing is given up: 1 or 0.',
      ['provider'],
      () =>
        providers.all().map(({ provider, breaker }) => ({
          labels: { provider: provider.name },
          value: Number(breaker.tripped),
        })),
    );
    metrics.gauge('stitch_vault_answers_in_hand', 'Provider answers not committed yet.', [], () => [
      { labels: {}, value: this.assembled.commits.size },
    ]);
    metrics.gauge(
      'stitch_vault_answers_in_hand_age_seconds',
      'How long the oldest provider answer has waited for its commit.',
      [],
      () => [{ labels: {}, value: commits.oldestMs / 1000 }],
    );
  }

  /** Refreshes on demand. */
  get refresher(): Refresher {
    return this.assembled.refresher;
  }

  start(): void {
    this.started = true;
    this.database.onRecovery(() => {
      this.assembled.recover();
      // It may have been set back on the way to another server.
      if (this.clock.setBackMs > 0) void this.mendTimes();
    });
    this.processes.announce(this.owner);
    if (this.database.available) this.assembled.recover();
    this.assembled.start();
    void this.reschedule();
    void this.mendTimes();
  }

  private stepped(by: number): void {
    if (by >= 0) return;
    void this.mendTimes();
    // Answers that were asked for before it are committed with times of before it.
    for (const ms of [STILL_ANSWERED_MS, this.assembled.leaseMs]) this.mendTimesIn(ms);
  }

  /** A step back of the clock leaves times in the future that nothing is done before. */
  private async mendTimes(): Promise<void> {
    if (!this.started || !this.database.available) return;
    const begun = performance.now();
    try {
      const { setBackMs } = this.clock;
      if (setBackMs > 0) {
        await this.dueTimes.endThoseOfTheFuture(setBackMs);
        this.clock.endedFuture(begun);
      }
      const mended = await this.dueTimes.mendTimes(this.assembled.leaseMs);
      if (mended > 0) this.assembled.schedule.wake();
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) this.log.failure('times.unmended', error);
      // Until then nothing counts as new that may be of before the step.
      this.mendTimesIn(MEND_RETRY_MS);
    }
  }

  private mendTimesIn(milliseconds: number): void {
    setTimeout(() => void this.mendTimes(), milliseconds).unref();
  }

  stop(): void {
    this.started = false;
    this.assembled.stop();
  }

  /** Finishes what is in flight, see {@link AssembledRefresher.drain}. */
  async drain(): Promise<void> {
    // What could not be ended in order is for the next process to settle.
    if (await this.assembled.drain()) this.processes.forget(this.owner);
  }

  /**
   * Puts grants on the schedule that a narrower refresh policy had left off it. Tried until it is done, and
   * told of once: without it only readers would have them refreshed.
   */
  private async reschedule(told = false): Promise<void> {
    const { policy, leadMs, activeWindowMs } = this.config;
    if (policy === 'on-demand' || policy === 'paused' || !this.started) return;
    try {
      const window = policy === 'active' ? activeWindowMs : null;
      const found = await this.dueTimes.reschedule(leadMs, window);
      if (found > 0) this.assembled.schedule.wake();
    } catch (error) {
      if (!told) this.log.failure('schedule.reschedule_failed', error);
      setTimeout(() => void this.reschedule(true), RESCHEDULE_RETRY_MS).unref();
    }
  }
}
