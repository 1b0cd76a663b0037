import { StorageUnavailableError } from '../common/index.js';
import type { Log } from '../common/index.js';
import type { ProviderRegistry } from '../providers/index.js';
import type { RotationStore } from '../grants/index.js';
import type { Refresher } from './refresher.service.js';

/** Milliseconds: looks are never closer together than this, whatever is due. */
const CLOSEST = 50;
/** Milliseconds until the next look when something is due that could not be taken. */
const HELD_UP = 500;
/** Milliseconds: what is due later than this is found by a regular look. */
const LONGEST = 3_600_000;
/** Milliseconds by which replicas that wait for the same grant are spread. */
const SPREAD = 100;

/** Something that is done with every look, beside the rotations. */
export type PeriodicTask = () => Promise<void>;

/**
 * Looks for what is due whenever it is woken, and by itself at the moment the next grant becomes
 * due, so that a token that lives shorter than `REFRESH_INTERVAL` is in time as well. One look at
 * a time.
 */
export class RefreshSchedule {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private again = false;
  private stopped = true;

  constructor(
    private readonly refresher: Refresher,
    private readonly providers: ProviderRegistry,
    private readonly store: Pick<RotationStore, 'nextDueIn'>,
    private readonly periodicTasks: readonly PeriodicTask[],
    private readonly log: Log,
  ) {}

  start(): void {
    this.stopped = false;
    this.wake();
  }

  /** Looks now; a look already under way is followed by another. */
  wake(): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
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
    clearTimeout(this.timer);
    this.refresher.stop();
  }

  private async look(): Promise<void> {
    let wait = HELD_UP;
    try {
      const guarded = this.providers.all();
      await this.all(guarded.map((each) => this.refresher.runDue(each)));
      const waits = [LONGEST + 1];
      for (const { provider, breaker } of guarded) {
        const next = (await this.store.nextDueIn(provider.name)) ?? Infinity;
        waits.push(Math.max(next > 0 ? next : HELD_UP, breaker.wait));
      }
      wait = Math.min(...waits);
      // After the rotations: nobody waits for these tasks.
      await this.all(this.periodicTasks.map((task) => task()));
    } catch (error) {
      this.complain(error);
    }
    if (this.stopped || wait > LONGEST) return;
    const delay = Math.max(CLOSEST, wait) + Math.random() * SPREAD;
    this.timer = setTimeout(() => {
      this.wake();
    }, delay);
  }

  /** Waits for all of them, so that no look ever overlaps with the next. */
  private async all(works: readonly Promise<void>[]): Promise<void> {
    const failed = (await Promise.allSettled(works)).filter(({ status }) => status === 'rejected');
    for (const each of failed) this.complain((each as PromiseRejectedResult).reason);
  }

  private complain(error: unknown): void {
    if (!(error instanceof StorageUnavailableError)) this.log.failure('schedule.failed', error);
  }
}
