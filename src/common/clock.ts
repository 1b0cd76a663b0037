import { performance } from 'node:perf_hooks';

/**
 * Where time comes from. Everything that reads the time or waits takes one of these, so that a
 * test or the simulation can drive it.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Waits; rejects with the signal's reason as soon as it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Calls back after so many milliseconds. @returns a way to prevent it */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The machine's own clock. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    // Not that of `node:timers/promises`: it makes an error with a stack for every one that is aborted.
    return new Promise((resolve, reject) => {
      const aborted = () => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      }, milliseconds);
      if (signal?.aborted) aborted();
      else signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = setTimeout(callback, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  }
}

/**
 * A clock that nobody sets: for spans of time within this process, never for a time that is stored
 * or that another process decided.
 */
export class SteadyClock extends SystemClock {
  /** Milliseconds since some moment. */
  override now(): number {
    return performance.now();
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
  let done: () => void = () => undefined;
  const timeUp = new Promise<undefined>((resolve) => {
    done = clock.after(milliseconds, () => {
      resolve(undefined);
    });
  });
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    done();
  }
}
