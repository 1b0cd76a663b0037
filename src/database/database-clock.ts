import { performance } from 'node:perf_hooks';
import { SystemClock } from '../common/index.js';
import type { Clock } from '../common/index.js';

/** A reading taken over a slower round trip than this, in milliseconds, is too vague to use. */
const LONGEST_ROUND_TRIP_MS = 1000;

/**
 * The database's clock as this process knows it: the last reading carried on by the process's
 * monotonic clock. Replicas whose own clocks are minutes apart agree on what is due and what has
 * expired, and a step of the machine's clock changes nothing. The machine's clock serves until the
 * first reading.
 */
export class DatabaseClock implements Clock {
  private readonly system = new SystemClock();
  private anchor: { database: number; monotonic: number } | undefined;

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
    this.anchor = { database, monotonic: (asked + answered) / 2 };
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return this.system.sleep(milliseconds, signal);
  }
}
