import type { Clock } from '../../src/common/index.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** Lets everything that is not waiting for time run until it waits: only microtasks are left to run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Time that passes only when all there is to do at this moment has been done. */
export class VirtualClock implements Clock {
  private time = 1_800_000_000_000;
  private order = 0;
  private readonly timers: Timer[] = [];

  now(): number {
    return this.time;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.after(milliseconds, resolve);
      signal?.addEventListener('abort', () => {
        cancel();
        reject(signal.reason as Error);
      });
    });
  }

  /** Calls back after so many milliseconds. @returns a way to prevent it */
  after(milliseconds: number, fire: () => void): () => void {
    const timer = { at: this.time + Math.max(0, milliseconds), order: this.order++, fire };
    let place = this.timers.length;
    while (place > 0 && later(this.timers[place - 1], timer)) place -= 1;
    this.timers.splice(place, 0, timer);
    return () => {
      const index = this.timers.indexOf(timer);
      if (index >= 0) this.timers.splice(index, 1);
    };
  }

  /** Runs everything that happens in the next so many milliseconds. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      await settle();
      const next = this.timers[0];
      if (!next || next.at > end) break;
      this.timers.shift();
      this.time = Math.max(this.time, next.at);
      next.fire();
    }
    this.time = end;
  }
}

const later = (a: Timer | undefined, b: Timer): boolean =>
  a !== undefined && (a.at > b.at || (a.at === b.at && a.order > b.order));
