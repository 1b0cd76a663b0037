import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit';

/** What one key has asked since its window began. */
interface Window {
  /** Milliseconds of this process's life. */
  readonly began: number;
  count: number;
}

/**
 * The counts of a ceiling, as a store of @fastify/rate-limit. The library's own store answers every
 * request of a key with the same object, and the library reads it a moment later. Of requests that
 * arrive together each then sees the count of all, and all are refused. This one answers each with
 * its own count, and its windows don't depend on the machine's clock.
 */
class Counts implements FastifyRateLimitStore {
  /** The key that was asked for least recently comes first. */
  private readonly windows = new Map<string, Window>();

  /** @param capacity keys remembered at most */
  constructor(private readonly capacity: number) {}

  incr(key: string, answer: Parameters<FastifyRateLimitStore['incr']>[1], windowMs: number): void {
    const now = performance.now();
    const known = this.windows.get(key);
    const alive = known !== undefined && now < known.began + windowMs;
    const window = alive ? known : { began: now, count: 0 };
    window.count += 1;
    this.windows.delete(key);
    this.windows.set(key, window);
    const [oldest] = this.windows.keys();
    if (this.windows.size > this.capacity && oldest !== undefined) this.windows.delete(oldest);
    answer(null, { current: window.count, ttl: window.began + windowMs - now });
  }

  child(): FastifyRateLimitStore {
    return new Counts(this.capacity);
  }
}

/** A store whose every ceiling remembers that many keys. */
export const requestCounts = (capacity: number): FastifyRateLimitStoreCtor =>
  class extends Counts {
    constructor() {
      super(capacity);
    }
  };
