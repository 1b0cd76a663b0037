import { StorageUnavailableError } from '../common/index.js';
import type { Database, DatabaseClock } from '../database/index.js';
import type { InFlightSettings } from './in-flight-rotations.js';
import type { ProviderRegistry } from '../providers/index.js';
import { CommitQueue } from './commit-queue.js';
import type { AnswerShelf, Committer } from './commit-queue.js';
import { HeldAnswers } from './held-answers.js';
import type { HeldAnswersDependencies } from './held-answers.js';
import { ProviderTrust } from './provider-trust.js';
import type { ProviderTrustDependencies } from './provider-trust.js';
import { LeaseKeeper } from './lease-keeper.js';
import type { LeaseKeeperDependencies } from './lease-keeper.js';
import { Recovery } from './recovery.js';
import type { RecoveryDependencies } from './recovery.js';
import type { RefreshPolicy } from './decide-refresh.js';
import { RefreshSchedule } from './refresh-schedule.js';
import type { PeriodicTask, ScheduleDependencies } from './refresh-schedule.js';
import { Refresher } from './refresher.service.js';
import type { RefresherDependencies } from './refresher.service.js';
import { Rotation } from './rotation.js';
import type { RotationDependencies } from './rotation-dependencies.js';

/**
 * Milliseconds of uninterrupted contact with the database before a lease that ran out may be taken
 * over: time for an owner that was cut off with us to commit what it holds.
 */
const TAKE_OVER_AFTER_MS = 4000;
/** Milliseconds by which a lease outlives the time for which readers wait for the call under it. */
const LEASE_MARGIN_MS = 5000;
/**
 * Milliseconds: long enough for a killed replica to be back and to commit what its spool holds,
 * short enough for a provider's grace of 30 s.
 */
const SHORTEST_LEASE_MS = 15_000;
/**
 * Milliseconds within which a provider has seen the last request of a killed process: presented
 * before that, the same token could overtake it. At most `PROVIDER_TIMEOUT`.
 */
const LAST_REQUEST_MS = 5000;
/** Milliseconds within which an answer is written down; the lease leaves time to find it then. */
const ANSWER_MARGIN_MS = 1000;
/** Milliseconds within which answers that are not committed yet are committed at the end of a process. */
const COMMIT_PATIENCE_MS = 1500;

/** All that the refresher touches of the world outside; the simulation brings its own. */
export interface RefresherSurroundings {
  readonly store: RotationDependencies['store'] &
    RefresherDependencies['store'] &
    RecoveryDependencies['store'] &
    ScheduleDependencies['store'] &
    LeaseKeeperDependencies['store'] &
    HeldAnswersDependencies['store'] &
    Committer;
  readonly trustStore: ProviderTrustDependencies['store'];
  readonly grants: RefresherDependencies['grants'];
  readonly providers: Pick<ProviderRegistry, 'all' | 'find'>;
  readonly reinstatement: RefresherDependencies['reinstatement'];
  readonly sealer: RotationDependencies['sealer'];
  readonly cache: RotationDependencies['cache'];
  readonly shelf: AnswerShelf & RecoveryDependencies['shelf'];
  readonly heldShelf: HeldAnswersDependencies['shelf'];
  readonly processes: RecoveryDependencies['processes'];
  /** Contact with the database, and the step of its clock. */
  readonly contact: Pick<Database, 'contactFor'> & Pick<DatabaseClock, 'inStepForMs'>;
  readonly listener: RotationDependencies['listener'];
  readonly clock: RotationDependencies['clock'];
  readonly log: RotationDependencies['log'];
  /** What the database's history says of the past. */
  readonly history: RotationDependencies['history'];
  /** What a claim asks of the database. */
  readonly standing: InFlightSettings['standing'];
  readonly random: () => number;
  /** Tells of rotations; nobody unless given. */
  readonly trace?: RotationDependencies['trace'];
  /** Done with every look of the schedule, after the rotations. */
  readonly periodicTasks: readonly PeriodicTask[];
}

/** Durations in milliseconds. */
export interface AssemblySettings {
  /** Names this process in its leases. */
  readonly owner: string;
  readonly policy: RefreshPolicy;
  readonly providerTimeoutMs: number;
  /** Before a token's end it is refreshed, so much. */
  readonly leadMs: number;
  /** Between two regular looks at what is due. */
  readonly intervalMs: number;
}

/** The refresher at work: what {@link assembleRefresher} makes. */
export interface AssembledRefresher {
  readonly commits: CommitQueue;
  readonly rotation: Pick<Rotation, 'leased' | 'oldest'>;
  /** Milliseconds that a lease lasts. */
  readonly leaseMs: number;
  readonly refresher: Refresher;
  readonly schedule: RefreshSchedule;
  /** Begins to look for work. */
  start(): void;
  /** Commits what is found in the spool: at the start, and when the database is back. */
  recover(): void;
  /** Looks for no more work by itself; demands are still met. */
  stop(): void;
  /**
   * Finishes what is in flight and commits it, in bounded time. What cannot be committed then
   * stays in the spool.
   *
   * @returns whether nothing was left over
   */
  drain(): Promise<boolean>;
}

/**
 * Puts together all that decides about rotations: queue, recovery, rotation, refresher and
 * schedule, how long a lease lasts and when one may be taken over. Production and the simulation
 * both work with what this function makes, so that no wire is tried that does not ship.
 */
export function assembleRefresher(
  around: RefresherSurroundings,
  settings: AssemblySettings,
): AssembledRefresher {
  const { store, trustStore, providers, clock, log, random, shelf, listener } = around;
  const { providerTimeoutMs } = settings;
  let started = false;
  let settling = false;

  const commits = new CommitQueue(store, shelf, clock, log, around.history);
  const recovery = new Recovery(
    { shelf, processes: around.processes, commits, store, clock, log },
    {
      answerDeadline: providerTimeoutMs + ANSWER_MARGIN_MS,
      lastRequest: Math.min(providerTimeoutMs, LAST_REQUEST_MS),
    },
  );
  const leaseDurationMs = Math.max(providerTimeoutMs + LEASE_MARGIN_MS, SHORTEST_LEASE_MS);
  const leases = new LeaseKeeper({ store, clock, log }, leaseDurationMs);
  const { sealer, cache, history, trace } = around;
  const held = new HeldAnswers({ store, shelf: around.heldShelf, sealer, clock, log });
  const trust = new ProviderTrust({ store: trustStore, listener, clock, log });
  for (const { provider, breaker } of providers.all()) {
    breaker.onFuse = (tripped) => {
      trust.changed(provider.name, tripped);
    };
  }
  const rotation = new Rotation(
    {
      store,
      commits,
      leases,
      held,
      trust,
      sealer,
      clock,
      log,
      listener,
      cache,
      history,
      random,
      trace,
    },
    { providerTimeout: providerTimeoutMs, lead: settings.leadMs },
  );

  /**
   * Not before the spool was read: it may hold the answer that a lease stands for. Nor right after a step of
   * the database's clock: what owners of leases have said of themselves was by the time before it.
   */
  const mayTakeOver = () => {
    const { contactFor, inStepForMs } = around.contact;
    if (!started || Math.min(contactFor, inStepForMs) <= TAKE_OVER_AFTER_MS) return false;
    recovery.recoverAbandoned();
    return !recovery.busy;
  };

  const refresher = new Refresher(
    {
      store,
      grants: around.grants,
      providers,
      rotation,
      trust,
      reinstatement: around.reinstatement,
      commits,
      clock,
      random,
      onRetired: (grant, reason) => {
        listener.retired(grant, reason);
      },
    },
    {
      owner: settings.owner,
      policy: settings.policy,
      providerTimeout: providerTimeoutMs,
      leaseDuration: leaseDurationMs,
      standing: around.standing,
      mayTakeOver,
      onFailure: (error) => {
        if (!(error instanceof StorageUnavailableError)) log.failure('rotation.failed', error);
      },
    },
  );
  const settleDead = async () => {
    if (settling) return;
    settling = true;
    try {
      if (await recovery.settleDead()) schedule.wake();
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) log.failure('settling.failed', error);
    } finally {
      settling = false;
    }
  };
  const schedule = new RefreshSchedule(
    { refresher, providers, store, trust, clock, log, random },
    {
      intervalMs: settings.intervalMs,
      atInterval: () => void settleDead(),
      periodicTasks: around.periodicTasks,
    },
  );

  return {
    commits,
    rotation,
    leaseMs: leaseDurationMs,
    refresher,
    schedule,
    start: () => {
      started = true;
      schedule.start();
    },
    recover: () => {
      held.recover();
      void recovery.recoverAll().then(settleDead);
      schedule.wake();
    },
    stop: () => {
      started = false;
      schedule.stop();
    },
    drain: async () => {
      await refresher.drain(providerTimeoutMs + ANSWER_MARGIN_MS);
      await commits.drain(COMMIT_PATIENCE_MS);
      return refresher.active === 0 && commits.size === 0;
    },
  };
}
