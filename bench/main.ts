import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Arena } from '../test/faults/arena.js';
import { Site } from '../test/faults/site.js';
import { measureClaims } from './claims.js';
import { table } from './figures.js';
import { measureFloods } from './floods.js';
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

const { values: options } = parseArgs({
  options: {
    grants: { type: 'string', default: '200000' },
    json: { type: 'string' },
    only: { type: 'string' },
  },
});
const site = await Site.open();
const generator = new LoadGenerator();
let arena: Arena | undefined;
/** The one replica that reads are measured on. */
const opened = async (): Promise<Arena> => {
  if (arena) return arena;
  arena = await Arena.open(site, { name: 'bench', replicas: 1 });
  await arena.start();
  return arena;
};
const measurements: Record<string, () => Promise<Figure[]>> = {
  sealing: () => Promise.resolve([measureSealing(ROUNDS)]),
  reads: async () => measureWarmReads(await opened(), site.key, generator, ROUNDS),
  rotations: async () => [
    await measureRotations(site, FAST, 3),
    await measureRotations(site, SLOW, 3),
  ],
  floods: async () => measureFloods(await opened(), site.key, generator, 3),
  claims: async () => [await measureClaims(site, Number(options.grants))],
  memory: async () => [await measureMemory(await opened(), site.key, generator)],
};
try {
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(measurements)) {
    if (options.only !== undefined && options.only !== name) continue;
    process.stderr.write(`measuring ${name} …\n`);
    figures.push(...(await measure()));
  }
  process.stdout.write(`${table(figures)}\n`);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ figures }, null, 2)}\n`);
  }
} finally {
  generator.close();
  await arena?.close();
  await site.close();
}
