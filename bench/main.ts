import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'undici';
import { Arena } from '../test/faults/arena.js';
import { Site } from '../test/faults/site.js';
import { describe } from './figures.js';
import type { Figure } from './figures.js';
import { load } from './load.js';
import type { LoadResult } from './load.js';
import { measureSealing } from './sealing.js';

/** `npm run bench`: each figure beside a limit measured in the same run, in alternating rounds. */
const ROUNDS = 5;
const READS = 10_000;
const READERS = 200;
const BACKLOG = 2000;
const CACHED = 5000;

const users = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${String(index)}`);

/** Microseconds for which the main thread of a process has run, waiting not counted. */
function cpuTime(pid: number | undefined): number {
  return Number(readFileSync(`/proc/${String(pid)}/schedstat`, 'utf8').split(' ')[0]) / 1000;
}

/**
 * Warm reads, beside a bare HTTP server that answers the same bytes: per second, which the load
 * generator and whatever else runs on the machine take part in, and the CPU time of the server alone.
 */
async function measureReads(arena: Arena, key: string): Promise<Figure[]> {
  const readers = users('reader', READERS);
  await arena.seed({ users: readers, lifetime: 900, age: () => 0, due: () => 800 });
  const [replica] = arena.replicas;
  const url = replica?.url ?? '';
  const headers = { authorization: `Bearer ${key}` };
  const sample = await request(`${url}/tokens/reader-0`, { headers });
  const bare = spawn(process.execPath, ['bench/bare-server.mjs', await sample.body.text()]);
  const [port] = (await once(bare.stdout, 'data')) as [Buffer];
  const limitUrl = `http://127.0.0.1:${String(port).trim()}`;
  const paths = readers.map((user) => `/tokens/${user}`);
  const vault = { perSecond: [] as number[], cpu: [] as number[] };
  const limit = { perSecond: [] as number[], cpu: [] as number[] };
  const measure = async (
    server: typeof vault,
    pid: number | undefined,
    run: () => Promise<LoadResult>,
  ) => {
    const before = cpuTime(pid);
    server.perSecond.push((await run()).perSecond);
    server.cpu.push((cpuTime(pid) - before) / READS);
  };
  await load(url, paths, READS, headers);
  await load(limitUrl, ['/'], READS, headers);
  for (let round = 0; round < ROUNDS; round += 1) {
    await measure(vault, replica?.pid, () => load(url, paths, READS, headers));
    await measure(limit, bare.pid, () => load(limitUrl, ['/'], READS, headers));
  }
  bare.kill();
  const against = 'bare node:http, same bytes';
  return [
    { name: 'warm reads', unit: '/s', vault: vault.perSecond, limit: limit.perSecond, against },
    { name: 'CPU time of a warm read', unit: 'µs', vault: vault.cpu, limit: limit.cpu, against },
  ];
}

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
async function measureMemory(arena: Arena, key: string): Promise<Figure> {
  const cached = users('cached', CACHED);
  await arena.seed({ users: cached, lifetime: 900, age: () => 0, due: () => 800 });
  const [replica] = arena.replicas;
  const resident = () => {
    const status = readFileSync(`/proc/${String(replica?.pid)}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  };
  const before = resident();
  const paths = cached.map((user) => `/tokens/${user}`);
  await load(replica?.url ?? '', paths, CACHED, { authorization: `Bearer ${key}` });
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
try {
  await arena.start();
  const figures = [
    measureSealing(ROUNDS),
    ...(await measureReads(arena, site.key)),
    await measureRotations(arena),
    await measureMemory(arena, site.key),
  ];
  process.stdout.write(
    `${'figure'.padEnd(28)}${'vault'.padStart(18)}${'limit'.padStart(18)}${'ratio'.padStart(8)}  limit is\n`,
  );
  for (const figure of figures) process.stdout.write(`${describe(figure)}\n`);
} finally {
  await arena.close();
  await site.close();
}
