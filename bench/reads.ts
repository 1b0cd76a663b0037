import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'undici';
import type { Arena } from '../test/faults/arena.js';
import type { Figure } from './figures.js';
import { atItsLimit } from './load.js';
import type { LoadGenerator, LoadPlan, LoadResult } from './load.js';
import { users } from './users.js';

/** Users that are read one after the other. */
const READERS = 1000;
const CONNECTIONS = 32;
/** Milliseconds of one measurement, and of the one before that is not counted. */
const ROUND_MS = 2000;
const WARM_UP_MS = 3000;

/** Microseconds for which the main thread of a process has run, waiting not counted. */
function cpuTime(pid: number | undefined): number {
  return Number(readFileSync(`/proc/${String(pid)}/schedstat`, 'utf8').split(' ')[0]) / 1000;
}

interface Round extends LoadResult {
  /** Microseconds of the server's main thread for each answer. */
  readonly cpu: number;
}

async function measure(
  generator: LoadGenerator,
  pid: number | undefined,
  plan: LoadPlan,
): Promise<Round> {
  const before = cpuTime(pid);
  const result = await generator.run(plan);
  return { ...result, cpu: (cpuTime(pid) - before) / result.count };
}

/** A bare HTTP server that answers every request with these bytes, as a process of its own. */
async function startBareServer(body: string): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ['bench/bare-server.mjs', body]);
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: `http://127.0.0.1:${String(port).trim()}`, child };
}

/**
 * Warm reads beside a bare HTTP server that answers the same bytes: how many a second, how long the
 * slowest of a hundred takes, and what it costs the server's processor, which a busy machine disturbs
 * least.
 */
export async function measureWarmReads(
  arena: Arena,
  key: string,
  generator: LoadGenerator,
  rounds: number,
): Promise<Figure[]> {
  const readers = users('reader', READERS);
  await arena.seed({ users: readers, lifetime: 900, age: () => 0, due: () => 800 });
  const [replica] = arena.replicas;
  const url = replica?.url ?? '';
  const headers = { authorization: `Bearer ${key}` };
  const sample = await request(`${url}/tokens/reader-0`, { headers });
  const bare = await startBareServer(await sample.body.text());
  const paths = readers.map((user) => `/tokens/${user}`);
  const plan = { paths, headers, connections: CONNECTIONS };
  const vault: Round[] = [];
  const ofOne: Round[] = [];
  const limit: Round[] = [];
  for (const target of [url, bare.url]) {
    await generator.run({ ...plan, url: target, milliseconds: WARM_UP_MS });
  }
  for (let round = 0; round < rounds; round += 1) {
    const one = { ...plan, milliseconds: ROUND_MS };
    vault.push(await measure(generator, replica?.pid, { ...one, url }));
    const path = paths.slice(0, 1);
    ofOne.push(await measure(generator, replica?.pid, { ...one, url, paths: path }));
    limit.push(await measure(generator, bare.child.pid, { ...one, url: bare.url }));
  }
  bare.child.kill();
  const note = [...vault, ...ofOne, ...limit].some(atItsLimit)
    ? 'the load generator was at its limit'
    : '';
  const figure = (
    name: string,
    unit: string,
    of: (round: Round) => number,
    measured = vault,
  ): Figure => ({
    ...{ name, unit, note },
    vault: measured.map(of),
    limit: limit.map(of),
    against: 'bare node:http, same bytes',
  });
  return [
    figure('warm reads, 1,000 users', '/s', ({ perSecond }) => perSecond),
    figure('warm reads, one user', '/s', ({ perSecond }) => perSecond, ofOne),
    figure('99 of 100 warm reads within', 'ms', ({ p99 }) => p99),
    figure('processor for a warm read', 'µs', ({ cpu }) => cpu),
  ];
}
