import type { Clock } from '../common/index.js';

/**
 * An optional ceiling on calls per second: a token bucket that holds one second's worth. Readers
 * may overdraw it and wait for their turn; the backlog only takes what is there.
 */
export class RateCeiling {
  private level: number;
  private filledAt: number;

  /** @param perSecond calls per second; Infinity for no ceiling */
  constructor(
    private readonly perSecond: number,
    private readonly clock: Pick<Clock, 'now'>,
  ) {
    this.level = perSecond;
    this.filledAt = clock.now();
  }

  /** Calls that may be made at once. */
  get available(): number {
    this.fill();
    return this.perSecond === Infinity ? Infinity : Math.max(0, Math.floor(this.level));
  }

  /** Takes one call. @returns milliseconds to wait before it is made */
  take(): number {
    if (this.perSecond === Infinity) return 0;
    this.fill();
    this.level -= 1;
    return Math.max(0, (-this.level / this.perSecond) * 1000);
  }

  private fill(): void {
    const now = this.clock.now();
    const gained = (Math.max(0, now - this.filledAt) / 1000) * this.perSecond;
    if (this.perSecond !== Infinity) this.level = Math.min(this.perSecond, this.level + gained);
    this.filledAt = now;
  }
}
