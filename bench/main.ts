import { readFileSync } from 'node:fs';
import { Arena } from '../test/faults/arena.js';
import { Site } from '../test/faults/site.js';
import { table } from './figures.js';
import type { Figure } from './figures.js';
import { LoadGenerator } from './load.js';
import { measureWarmReads } from './reads.js';
import { measureRotations } from './rotations.js';
import { measureSealing } from './sealing.js';
import { users } from './users.js';

/** `npm run bench`: each figure beside a limit measured in the same run, in alternating rounds. */
const ROUNDS = 5;
const CACHED = 5000;
const FAST = { name: 'rotations, provider at once', backlog: 2000, latencyMs: 0, concurrency: 32 };
const SLOW = {
  name: 'rotations, provider 100 ms',
  backlog: 4000,
  latencyMs: 100,
  concurrency: 256,
};

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
    await measureRotations(site, FAST, 3),
    await measureRotations(site, SLOW, 3),
    await measureMemory(arena, site.key, generator),
  ];
  process.stdout.write(`${table(figures)}\n`);
} finally {
  generator.close();
  await arena.close();
  await site.close();
}
