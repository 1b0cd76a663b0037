import { Arena } from '../test/faults/arena.js';
import type { Site } from '../test/faults/site.js';
import type { Figure } from './figures.js';
import { Program } from './program.js';
import { users } from './users.js';

/** Seconds after which a backlog that is not drained is a failure. */
const LONGEST_MS = 120_000;

export interface RotationPlan {
  readonly name: string;
  /** Grants that are due at once, in each round. */
  readonly backlog: number;
  /** Milliseconds that the provider takes for an answer. */
  readonly latencyMs: number;
  /** `REFRESH_CONCURRENCY`, and the calls of the bare loop under way at once. */
  readonly concurrency: number;
}

/** From the first answer of the provider to the last. */
async function drain(arena: Arena, backlog: readonly string[]): Promise<number> {
  const { stats } = arena.sandbox;
  const before = stats.rotations;
  await arena.seed({ users: backlog, lifetime: 900, age: () => 1000, due: () => -10 });
  const seeded = performance.now();
  let first: number | undefined;
  while (stats.rotations - before < backlog.length) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (stats.rotations > before) first ??= performance.now();
    if (performance.now() - seeded > LONGEST_MS) throw new Error('the backlog was not drained');
  }
  return backlog.length / ((performance.now() - (first ?? seeded)) / 1000);
}

/** Draining a backlog of stale grants, beside the same refresh calls made in a bare loop of `fetch`. */
export async function measureRotations(
  site: Site,
  { name, backlog, latencyMs, concurrency }: RotationPlan,
  rounds: number,
): Promise<Figure> {
  const environment = { REFRESH_CONCURRENCY: String(concurrency), REFRESH_INTERVAL: '1' };
  const arena = await Arena.open(site, { name: 'bench-rotations', replicas: 1, environment });
  const loop = new Program('bench/refresh-process.mjs');
  const { sandbox } = arena;
  const vault: number[] = [];
  const limit: number[] = [];
  try {
    await arena.start();
    sandbox.switches.latencyMs = latencyMs;
    for (let round = 0; round < rounds; round += 1) {
      const stale = users(`stale-${String(round)}`, backlog);
      vault.push(await drain(arena, stale));
      const task = {
        url: arena.wires[0]?.tokenEndpoint,
        client: { client_id: sandbox.clientId, client_secret: sandbox.clientSecret },
        tokens: stale.map(() => sandbox.mint().refreshToken),
        concurrency,
      };
      const result = (await loop.run(task)) as { readonly perSecond: number };
      limit.push(result.perSecond);
    }
  } finally {
    loop.close();
    await arena.close();
  }
  return { name, unit: '/s', vault, limit, against: 'bare loop of fetch, nothing stored' };
}
