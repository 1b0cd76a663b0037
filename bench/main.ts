import { readFileSync } from 'node:fs';
import { request } from 'undici';
import { Arena } from '../test/faults/arena.js';
import { Site } from '../test/faults/site.js';
import { table } from './figures.js';
import type { Figure } from './figures.js';
import { LoadGenerator } from './load.js';
import { measureWarmReads } from './reads.js';
import { measureSealing } from './sealing.js';
import { users } from './users.js';

/** `npm run bench`: each figure beside a limit measured in the same run, in alternating rounds. */
const ROUNDS = 5;
const BACKLOG = 2000;
const CACHED = 5000;

/** Draining a backlog of stale grants, beside the same refresh calls made with nothing around them. */
async function measureRotations(arena: Arena): Promise<Figure> {
  const stale = users('stale', BACKLOG);
  const { sandbox } = arena;
  const before = sandbox.stats.rotations;
  await arena.seed({ users: stale, lifetime: 900, age: () => 1000, due: () => -10 });
  const started = performance.now();
  while (sandbox.stats.rotations - before < BACKLOG) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (performance.now() - started > 120_000) throw new Error('the backlog was not drained');
  }
  const vault = BACKLOG / ((performance.now() - started) / 1000);

  const tokens = stale.map(() => sandbox.mint().refreshToken);
  const bareStart = performance.now();
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (let token = tokens.pop(); token !== undefined; token = tokens.pop()) {
        const answer = await request(`${sandbox.url}/connect/token`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({
            grant_type: 'refresh_token',
            client_id: sandbox.clientId,
            client_secret: sandbox.clientSecret,
            refresh_token: token,
          }).toString(),
        });
        await answer.body.dump();
      }
    }),
  );
  const limit = BACKLOG / ((performance.now() - bareStart) / 1000);
  return {
    name: 'rotations of a backlog',
    unit: '/s',
    vault: [vault],
    limit: [limit],
    against: 'bare refresh calls, nothing stored',
  };
}

/** Resident memory that a cached grant costs, beside the sealed bytes of its row. */
async function measureMemory(arena: Arena, key: string, generator: LoadGenerator): Promise<Figure> {
  const cached = users('cached', CACHED);
  await arena.seed({ users: cached, lifetime: 900, age: () => 0, due: () => 800 });
  const [replica] = arena.replicas;
  const resident = () => {
    const status = readFileSync(`/proc/${String(replica?.pid)}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  };
  const before = resident();
  const paths = cached.map((user) => `/tokens/${user}`);
  await generator.run({
    url: replica?.url ?? '',
    paths,
    headers: { authorization: `Bearer ${key}` },
    connections: 16,
    requests: CACHED,
  });
  const [row] = await arena.table.query<{ bytes: number }>(
    `SELECT avg(octet_length(access_token) + octet_length(refresh_token))::float8 AS bytes
     FROM stitch_grants WHERE user_id LIKE 'cached-%'`,
  );
  return {
    name: 'memory of a cached grant',
    unit: 'bytes',
    vault: [Math.max(0, resident() - before) / CACHED],
    limit: [row?.bytes ?? 0],
    against: 'its two sealed tokens',
  };
}

const site = await Site.open();
const arena = await Arena.open(site, { name: 'bench', replicas: 1 });
const generator = new LoadGenerator();
try {
  await arena.start();
  const figures = [
    measureSealing(ROUNDS),
    ...(await measureWarmReads(arena, site.key, generator, ROUNDS)),
    await measureRotations(arena),
    await measureMemory(arena, site.key, generator),
  ];
  process.stdout.write(`${table(figures)}\n`);
} finally {
  generator.close();
  await arena.close();
  await site.close();
}
