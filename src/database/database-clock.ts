import { performance } from 'node:perf_hooks';
import { SystemClock } from '../common/index.js';
import type { Clock } from '../common/index.js';
import { understatedAge } from './clock-steps.js';
import type { ClockStep } from './clock-steps.js';

/** A reading taken over a slower round trip than this, in milliseconds, is too vague to use. */
const LONGEST_ROUND_TRIP_MS = 1000;
/** Milliseconds by which a reading may be off what the monotonic clock makes of the one before. */
const STEP_MS = 3000;
/** Milliseconds for which leases granted before a step may still be running: the longest lease. */
const LEASES_END_MS = 300_000;
/** Milliseconds for which a step counts as not understood yet. */
const UNSETTLED_MS = 30_000;
/** Milliseconds after which small differences of readings are no part of one drift any more. */
const DRIFT_WITHIN_MS = 600_000;
/**
 * Milliseconds for which nothing is taken for old after a step of a minute or more: somebody may notice that it
 * was a wrong one, and set the clock right.
 */
const AGES_DOUBTED_MS = 86_400_000;
const LARGE_STEP_MS = 60_000;
/** Steps that are remembered at most: a clock that is set more often than that is not a clock. */
const STEPS_KEPT = 100;

/**
 * The database's clock as this process knows it: the last reading carried on by the process's
 * monotonic clock. Replicas whose own clocks are minutes apart agree on what is due and what has
 * expired, and a step of the machine's clock changes nothing. The machine's clock serves until the
 * first reading. A step of the database's own clock is noticed by the monotonic one.
 */
export class DatabaseClock implements Clock {
  private readonly system = new SystemClock();
  private anchor: { database: number; monotonic: number } | undefined;
  /** What readings are compared with: an earlier one, so that a drift adds up. */
  private reference: { database: number; monotonic: number } | undefined;
  private steps: ClockStep[] = [];
  /** Steps before the first reading. */
  private inherited: readonly ClockStep[] = [];
  private startedAt: number | undefined;
  private readonly listeners = new Set<(step: ClockStep) => void>();
  private stepCount = 0;
  private backCount = 0;

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
    const reading = { database, monotonic: (asked + answered) / 2 };
    const before = this.anchor ?? reading;
    this.anchor = reading;
    this.reference ??= reading;
    this.startedAt ??= reading.monotonic;
    const elapsed = reading.monotonic - this.reference.monotonic;
    const by = database - this.reference.database - elapsed;
    if (Math.abs(by) <= STEP_MS) {
      if (elapsed > DRIFT_WITHIN_MS) this.reference = reading;
      return;
    }
    const sudden = database - before.database - (reading.monotonic - before.monotonic);
    const since = (Math.abs(sudden) > STEP_MS ? before : this.reference).monotonic;
    this.reference = reading;
    const step = { by: Math.round(by), at: reading.monotonic, since };
    this.steps = [...this.steps, step].slice(-STEPS_KEPT);
    this.stepCount += 1;
    if (step.by < 0) this.backCount += 1;
    for (const listener of this.listeners) listener(step);
  }

  /** Takes over, in the place of what was learned before, the steps of the time before this process. */
  learn(steps: readonly ClockStep[]): void {
    const start = this.startedAt;
    this.inherited = steps.filter(
      ({ at, by }) =>
        start !== undefined &&
        at < start + STEP_MS &&
        !this.steps.some((own) => Math.abs(own.at - at) < 2 * STEP_MS && own.by * by > 0),
    );
  }

  /**
   * Milliseconds by which a token may be older than this clock makes it: see `understatedAge`.
   *
   * @param obtainedAt milliseconds since the epoch. @param lifetime milliseconds
   * @param readAt monotonic time before this was read
   */
  understates(obtainedAt: number, lifetime: number, readAt = performance.now()): number {
    if (this.steps.length === 0 && this.inherited.length === 0) return 0;
    const steps = [...this.inherited, ...this.steps];
    const age = this.now() - obtainedAt;
    return understatedAge(steps, { age, lifetime, readAt }, performance.now());
  }

  /**
   * Takes note that the tokens which steps back make look new have been ended in the table.
   *
   * @param begun monotonic time at which that was begun: a later step is not dealt with
   */
  endedFuture(begun: number): void {
    const endedAt = performance.now();
    this.steps = this.steps.map((step) =>
      step.at <= begun && step.endedAt === undefined ? { ...step, endedAt } : step,
    );
  }

  /** Milliseconds by which it is behind where it was, by all steps that are known. */
  get setBackMs(): number {
    return [...this.inherited, ...this.steps].reduce((sum, { by }) => Math.max(0, sum - by), 0);
  }

  /** Calls back when the database's clock was found to have been stepped. */
  onStep(listener: (step: ClockStep) => void): void {
    this.listeners.add(listener);
  }

  /** How often that was found. */
  get stepsSeen(): number {
    return this.stepCount;
  }

  /** How many steps back are known, those of the time before this process as well. */
  get stepsBack(): number {
    return this.backCount + this.inherited.filter(({ by }) => by < 0).length;
  }

  /**
   * Whether the clock tells how old something is, well enough to delete it for its age. What is deleted by
   * a clock that was a year ahead for a minute is gone.
   */
  get tellsAges(): boolean {
    const since = performance.now() - AGES_DOUBTED_MS;
    return ![...this.inherited, ...this.steps].some(
      ({ by, at }) => Math.abs(by) >= LARGE_STEP_MS && at > since,
    );
  }

  /** Milliseconds since the last step was noticed; Infinity when none was. */
  get inStepForMs(): number {
    return performance.now() - (this.steps.at(-1)?.at ?? -Infinity);
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

  after(milliseconds: number, callback: () => void): () => void {
    return this.system.after(milliseconds, callback);
  }
}
