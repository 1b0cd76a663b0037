import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Arena } from '../test/faults/arena.js';
import type { Figure } from './figures.js';
import { LoadGenerator } from './load.js';
import type { LoadPlan } from './load.js';
import { users } from './users.js';

/** Users that are read one after the other, and connections that read. */
const READERS = 1000;
const CONNECTIONS = 8;
/** Connections that flood, and different requests that they make. */
const FLOODING = 64;
const DIFFERENT = 20_000;
/** Milliseconds of one measurement: the flood begins before the reads, and ends after them. */
const ROUND_MS = 3000;
const LEAD_MS = 500;

const random = (): string => randomBytes(32).toString('base64url');

/** Bytes that are resident of a process. */
function resident(pid: number | undefined): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

/** What strangers, and clients that have lost their way, may ask for as often as they like. */
function floods(url: string, publicUrl: string, key: string): Record<string, LoadPlan> {
  const some = Array.from({ length: DIFFERENT }, random);
  const plan = { connections: FLOODING, milliseconds: ROUND_MS + 2 * LEAD_MS };
  return {
    'bad callbacks': {
      ...plan,
      url: publicUrl,
      paths: some.map((state) => `/callback/stitch-money?code=x&state=${state}`),
    },
    'unknown users': {
      ...plan,
      url,
      paths: some.map((user) => `/tokens/${user}`),
      headers: { authorization: `Bearer ${key}` },
    },
    'unknown keys': { ...plan, url, paths: ['/tokens/flooded-0'], keys: some },
  };
}

/** How long warm reads take while the vault is flooded, beside the same reads without a flood. */
export async function measureFloods(
  arena: Arena,
  key: string,
  generator: LoadGenerator,
  rounds: number,
): Promise<Figure[]> {
  const readers = users('flooded', READERS);
  await arena.seed({ users: readers, lifetime: 900, age: () => 0, due: () => 800 });
  const [replica] = arena.replicas;
  const flooding = new LoadGenerator();
  const read: LoadPlan = {
    url: replica?.url ?? '',
    paths: readers.map((user) => `/tokens/${user}`),
    headers: { authorization: `Bearer ${key}` },
    connections: CONNECTIONS,
    milliseconds: ROUND_MS,
  };
  await generator.run(read);
  const figures: Figure[] = [];
  const before = resident(replica?.pid);
  try {
    for (const [name, plan] of Object.entries(
      floods(replica?.url ?? '', replica?.options.environment.PUBLIC_URL ?? '', key),
    )) {
      const [vault, limit, flood]: [number[], number[], number[]] = [[], [], []];
      for (let round = 0; round < rounds; round += 1) {
        limit.push((await generator.run(read)).p99);
        const under = flooding.flood(plan);
        await new Promise((resolve) => setTimeout(resolve, LEAD_MS));
        vault.push((await generator.run(read)).p99);
        flood.push((await under).perSecond);
      }
      const rate = Math.round(flood.reduce((sum, each) => sum + each, 0) / rounds);
      figures.push({
        name: `99 of 100 warm reads within, flooded by ${name}`,
        unit: 'ms',
        vault,
        limit,
        against: 'without the flood',
        note: `${String(rate)} of them a second`,
      });
    }
  } finally {
    flooding.close();
  }
  const grown = (resident(replica?.pid) - before) / 1_048_576;
  const memory = { name: 'memory that the floods left', unit: 'MB', against: 'before them' };
  return [...figures, { ...memory, vault: [grown], limit: [before / 1_048_576] }];
}
