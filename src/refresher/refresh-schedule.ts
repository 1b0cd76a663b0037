import { StorageUnavailableError } from '../common/index.js';
import type { Clock, Log } from '../common/index.js';
import type { GuardedProvider, ProviderRegistry } from '../providers/index.js';
import type { RotationStore } from '../grants/index.js';
import { Looks, callBack } from './looks.js';
import type { ProviderTrust } from './provider-trust.js';
import type { Refresher } from './refresher.service.js';

/** Milliseconds until the next look when something is due that could not be taken. */
const HELD_UP_MS = 500;
/** Milliseconds by which replicas that wait for the same grant are spread. */
const SPREAD_MS = 100;

/** Something that is done with every look, beside the rotations. */
export type PeriodicTask = () => Promise<void>;

export interface ScheduleDependencies {
  readonly refresher: Pick<Refresher, 'runDue' | 'stop'>;
  readonly providers: Pick<ProviderRegistry, 'all'>;
  readonly store: Pick<RotationStore, 'nextDueIn'>;
  readonly trust: Pick<ProviderTrust, 'look'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

export interface ScheduleSettings {
  /** Milliseconds between two regular looks, whatever is known to be due. */
  readonly intervalMs: number;
  /** Called with every regular look. */
  readonly atInterval: () => void;
  readonly periodicTasks: readonly PeriodicTask[];
}

/**
 * Looks for what is due at regular intervals, whenever somebody asks it to, and at the moment when
 * the next grant becomes due. So a token that lives shorter than `REFRESH_INTERVAL` is refreshed in
 * time as well. Each provider is looked at by itself: one that hangs holds up none of the others.
 */
export class RefreshSchedule {
  private readonly providers: readonly Looks[];
  private readonly tasks: Looks;
  private regularly: AbortController | undefined;
  private stopped = true;

  constructor(
    private readonly dependencies: ScheduleDependencies,
    private readonly settings: ScheduleSettings,
  ) {
    const { clock, providers } = dependencies;
    this.providers = providers.all().map((guarded) => new Looks(clock, () => this.look(guarded)));
    this.tasks = new Looks(clock, () => this.runTasks());
  }

  start(): void {
    this.stopped = false;
    this.wake();
    this.lookRegularly();
  }

  /** Looks now; a look already under way is followed by another. */
  wake(): void {
    if (this.stopped) return;
    for (const looks of this.providers) looks.wake();
    // Without a provider too: reads are counted all the same.
    this.tasks.wake();
  }

  /** Starts no further look, and has those under way claim no more. */
  stop(): void {
    this.stopped = true;
    this.regularly?.abort();
    for (const looks of [...this.providers, this.tasks]) looks.stop();
    this.dependencies.refresher.stop();
  }

  private lookRegularly(): void {
    const { intervalMs, atInterval } = this.settings;
    this.regularly = callBack(this.dependencies.clock, intervalMs, () => {
      atInterval();
      this.wake();
      this.lookRegularly();
    });
  }

  /** @returns milliseconds until the next look at this provider */
  private async look(guarded: GuardedProvider): Promise<number> {
    const { refresher, store, random, trust } = this.dependencies;
    let wait = HELD_UP_MS;
    try {
      await trust.look(guarded);
      await refresher.runDue(guarded);
      const next = (await store.nextDueIn(guarded.provider.name)) ?? Infinity;
      wait = Math.max(next > 0 ? next : HELD_UP_MS, guarded.breaker.wait);
    } catch (error) {
      this.complain(error);
    }
    this.tasks.wake();
    return wait + random() * SPREAD_MS;
  }

  private async runTasks(): Promise<number> {
    const ended = await Promise.allSettled(this.settings.periodicTasks.map((task) => task()));
    for (const each of ended) if (each.status === 'rejected') this.complain(each.reason);
    return Infinity;
  }

  private complain(error: unknown): void {
    if (error instanceof StorageUnavailableError) return;
    this.dependencies.log.failure('schedule.failed', error);
  }
}
