import { performance } from 'node:perf_hooks';
import { SystemClock } from '../common/index.js';
import type { Clock } from '../common/index.js';

/** A reading taken over a slower round trip than this, in milliseconds, is too vague to use. */
const LONGEST_ROUND_TRIP_MS = 1000;
/** Milliseconds by which a reading may be off what the monotonic clock makes of the one before. */
const STEP_MS = 3000;
/** Milliseconds for which leases granted before a step may still be running: the longest lease. */
const LEASES_END_MS = 300_000;
/** Milliseconds for which a step counts as not understood yet. */
const UNSETTLED_MS = 30_000;

/** The database's clock was found to be so many milliseconds ahead of, or behind, where it was. */
export interface ClockStep {
  readonly by: number;
  /** Monotonic. */
  readonly at: number;
}

/**
 * The database's clock as this process knows it: the last reading carried on by the process's
 * monotonic clock. Replicas whose own clocks are minutes apart agree on what is due and what has
 * expired, and a step of the machine's clock changes nothing. The machine's clock serves until the
 * first reading. A step of the database's own clock is noticed by the monotonic one.
 */
export class DatabaseClock implements Clock {
  private readonly system = new SystemClock();
  private anchor: { database: number; monotonic: number } | undefined;
  private steps: ClockStep[] = [];
  private readonly listeners = new Set<(step: ClockStep) => void>();
  private stepCount = 0;

  now(): number {
    if (!this.anchor) return this.system.now();
    return Math.floor(this.anchor.database + performance.now() - this.anchor.monotonic);
  }

  /**
   * Takes a reading: `database` in milliseconds since the epoch, read somewhere between the
   * monotonic times `asked` and `answered`.
   */
  set(database: number, asked: number, answered: number): void {
    if (this.anchor && answered - asked > LONGEST_ROUND_TRIP_MS) return;
    const monotonic = (asked + answered) / 2;
    const by = this.anchor
      ? database - this.anchor.database - (monotonic - this.anchor.monotonic)
      : 0;
    this.anchor = { database, monotonic };
    if (Math.abs(by) <= STEP_MS) return;
    const step = { by: Math.round(by), at: monotonic };
    this.steps = [...this.steps.filter(({ at }) => monotonic - at < LEASES_END_MS), step];
    this.stepCount += 1;
    for (const listener of this.listeners) listener(step);
  }

  /** Calls back when the database's clock was found to have been stepped. */
  onStep(listener: (step: ClockStep) => void): void {
    this.listeners.add(listener);
  }

  /** How often that was found. */
  get stepsSeen(): number {
    return this.stepCount;
  }

  /** The last step, as long as what was decided by the clock before may still be about. */
  get unsettledStep(): ClockStep | undefined {
    const last = this.steps.at(-1);
    return last && performance.now() - last.at < UNSETTLED_MS ? last : undefined;
  }

  /**
   * The time by which leases end: a step forward does not end those that were granted before it.
   */
  leaseNow(): number {
    const now = performance.now();
    const ahead = this.steps
      .filter(({ at }) => now - at < LEASES_END_MS)
      .reduce((sum, { by }) => Math.max(0, sum + by), 0);
    return this.now() - ahead;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return this.system.sleep(milliseconds, signal);
  }
}
