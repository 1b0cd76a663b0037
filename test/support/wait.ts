import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until something has become true, asking every few milliseconds: for events that come when
 * they come, never for time to pass.
 *
 * @param limit milliseconds after which waiting is given up with an error naming `what`
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  limit = 30_000,
): Promise<T> {
  const deadline = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`it never came to pass: ${what}`);
    await delay(10);
  }
}
