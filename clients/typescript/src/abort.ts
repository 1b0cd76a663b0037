/** Why a deadline ended the work; never seen outside. */
export class DeadlinePassed extends Error {}

/**
 * Runs work with a signal that follows the caller's and ends after a time. Everything is let go of
 * when the work has ended: a signal of a caller may live as long as its process.
 *
 * @throws what the caller's signal gives as its reason; DeadlinePassed after `timeoutMs`
 */
export async function within<T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const follow = () => {
    controller.abort(signal?.reason);
  };
  signal?.addEventListener('abort', follow, { once: true });
  const timer = setTimeout(() => {
    controller.abort(new DeadlinePassed());
  }, timeoutMs);
  try {
    return await work(controller.signal);
  } catch (error) {
    // A fetch need not reject with the reason itself.
    if (controller.signal.aborted) throw controller.signal.reason as Error;
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', follow);
  }
}

/** Waits for work that others may wait for as well: an abort ends the waiting, not the work. */
export function waitFor<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const stop = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    // Both ends are taken even after an abort: nobody else may be there for a rejection.
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', stop);
    });
  });
}
