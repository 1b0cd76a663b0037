import { StorageUnavailableError } from '../common/index.js';
import type { Clock, Log } from '../common/index.js';
import type { ProviderRegistry } from '../providers/index.js';
import type { RotationStore } from '../grants/index.js';
import type { Refresher } from './refresher.service.js';

/** Milliseconds: looks are never closer together than this, whatever is due. */
const CLOSEST_MS = 50;
/** Milliseconds until the next look when something is due that could not be taken. */
const HELD_UP_MS = 500;
/** Milliseconds: what is due later than this is found by a regular look. */
const LONGEST_MS = 3_600_000;
/** Milliseconds by which replicas that wait for the same grant are spread. */
const SPREAD_MS = 100;

/** Something that is done with every look, beside the rotations. */
export type PeriodicTask = () => Promise<void>;

export interface ScheduleDependencies {
  readonly refresher: Pick<Refresher, 'runDue' | 'stop'>;
  readonly providers: Pick<ProviderRegistry, 'all'>;
  readonly store: Pick<RotationStore, 'nextDueIn'>;
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
 * Looks for what is due whenever it is woken, at regular intervals, and at the moment the next
 * grant becomes due, so that a token that lives shorter than `REFRESH_INTERVAL` is in time as
 * well. One look at a time.
 */
export class RefreshSchedule {
  private nextLook: AbortController | undefined;
  private regularly: AbortController | undefined;
  private looking: Promise<void> | undefined;
  private again = false;
  private stopped = true;

  constructor(
    private readonly dependencies: ScheduleDependencies,
    private readonly settings: ScheduleSettings,
  ) {}

  start(): void {
    this.stopped = false;
    this.wake();
    this.lookRegularly();
  }

  /** Looks now; a look already under way is followed by another. */
  wake(): void {
    if (this.stopped) return;
    this.nextLook?.abort();
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = this.look().finally(() => {
      this.looking = undefined;
      if (!this.again) return;
      this.again = false;
      this.wake();
    });
  }

  /** Starts no further look, and has the one under way claim no more. */
  stop(): void {
    this.stopped = true;
    this.nextLook?.abort();
    this.regularly?.abort();
    this.dependencies.refresher.stop();
  }

  private lookRegularly(): void {
    this.regularly = this.after(this.settings.intervalMs, () => {
      this.settings.atInterval();
      this.wake();
      this.lookRegularly();
    });
  }

  private async look(): Promise<void> {
    const { providers, refresher, store, random } = this.dependencies;
    let wait = HELD_UP_MS;
    try {
      const guarded = providers.all();
      await this.all(guarded.map((each) => refresher.runDue(each)));
      const waits = [LONGEST_MS + 1];
      for (const { provider, breaker } of guarded) {
        const next = (await store.nextDueIn(provider.name)) ?? Infinity;
        waits.push(Math.max(next > 0 ? next : HELD_UP_MS, breaker.wait));
      }
      wait = Math.min(...waits);
      // After the rotations: nobody waits for these tasks.
      await this.all(this.settings.periodicTasks.map((task) => task()));
    } catch (error) {
      this.complain(error);
    }
    if (this.stopped || wait > LONGEST_MS) return;
    const delay = Math.max(CLOSEST_MS, wait) + random() * SPREAD_MS;
    this.nextLook = this.after(delay, () => {
      this.wake();
    });
  }

  /** Calls back once, unless what it returns is aborted before. */
  private after(milliseconds: number, callback: () => void): AbortController {
    const cancellation = new AbortController();
    void this.dependencies.clock.sleep(milliseconds, cancellation.signal).then(
      () => {
        if (!cancellation.signal.aborted) callback();
      },
      () => undefined,
    );
    return cancellation;
  }

  /** Waits for all of them, so that no look ever overlaps with the next. */
  private async all(works: readonly Promise<void>[]): Promise<void> {
    const failed = (await Promise.allSettled(works)).filter(({ status }) => status === 'rejected');
    for (const each of failed) this.complain((each as PromiseRejectedResult).reason);
  }

  private complain(error: unknown): void {
    if (error instanceof StorageUnavailableError) return;
    this.dependencies.log.failure('schedule.failed', error);
  }
}
