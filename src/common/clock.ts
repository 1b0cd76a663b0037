import { setTimeout as delay } from 'node:timers/promises';

/**
 * Where time comes from. Everything that reads the time or waits takes one of these, so that a
 * test or the simulation can drive it.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Waits; rejects with the signal's reason as soon as it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clock. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    await delay(milliseconds, undefined, { signal });
  }
}

/**
 * Waits for a promise, but no longer than so many milliseconds. @returns undefined when the time is
 * up; the promise itself goes on
 */
export async function withTimeLimit<T>(
  clock: Clock,
  milliseconds: number,
  promise: Promise<T>,
): Promise<T | undefined> {
  const done = new AbortController();
  const timeUp = clock.sleep(milliseconds, done.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    done.abort();
  }
}
