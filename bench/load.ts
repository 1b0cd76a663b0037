import { Pool } from 'undici';

/** Requests under way at once. */
const CONNECTIONS = 16;

export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Sends so many GETs over kept-alive connections. @throws when one is not answered with 200 */
export async function load(
  url: string,
  paths: readonly string[],
  requests: number,
  headers: Record<string, string> = {},
): Promise<LoadResult> {
  const pool = new Pool(url, { connections: CONNECTIONS });
  const times: number[] = [];
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (next < requests) {
        const path = paths[next++ % paths.length] ?? '/';
        const asked = performance.now();
        const answer = await pool.request({ path, method: 'GET', headers });
        await answer.body.dump();
        if (answer.statusCode !== 200) throw new Error(`${path}: ${String(answer.statusCode)}`);
        times.push(performance.now() - asked);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  await pool.close();
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor((times.length - 1) * share)] ?? 0;
  return { perSecond: requests / seconds, p50: at(0.5), p99: at(0.99) };
}
