import { Arena } from '../test/faults/arena.js';
import type { Site } from '../test/faults/site.js';
import type { Figure } from './figures.js';
import { atItsLimit } from './load.js';
import type { LoadGenerator, LoadResult } from './load.js';
import { Program } from './program.js';
import { users } from './users.js';

/** Users that are read in turn; the smallest cache has forgotten one long before its turn comes again. */
const READERS = 100_000;
const SEEDED_AT_ONCE = 10_000;
/** Reads of one round. */
const READS = 20_000;
const CONNECTIONS = 32;
/** `DATABASE_POOL_SIZE` of the vault, and connections of the bare loop. */
const POOL = 10;

/** Reads of more users than the cache holds, beside a bare loop of statements for the same rows. */
export async function measureMisses(
  site: Site,
  key: string,
  generator: LoadGenerator,
  rounds: number,
): Promise<Figure[]> {
  const environment = { READ_CACHE_MEGABYTES: '1', DATABASE_POOL_SIZE: String(POOL) };
  const arena = await Arena.open(site, { name: 'bench-misses', replicas: 1, environment });
  const loop = new Program('bench/query-process.mjs');
  const vault: LoadResult[] = [];
  const limit: number[] = [];
  const readers = users('reader', READERS);
  const good = { lifetime: 7200, age: () => 0, due: () => 7000, quietly: true };
  try {
    for (let from = 0; from < READERS; from += SEEDED_AT_ONCE) {
      await arena.seed({ users: readers.slice(from, from + SEEDED_AT_ONCE), ...good });
    }
    await arena.table.query('VACUUM ANALYZE stitch_grants');
    await arena.start();
    for (let round = 0; round <= rounds; round += 1) {
      const from = (round * READS) % READERS;
      const read = readers.slice(from, from + READS);
      const found = await generator.run({
        url: arena.replicas[0]?.url ?? '',
        paths: read.map((user) => `/tokens/${user}`),
        headers: { authorization: `Bearer ${key}` },
        connections: CONNECTIONS,
        requests: READS,
      });
      const url = site.postgres.url(arena.database);
      const task = { url, users: read, connections: POOL, concurrency: CONNECTIONS };
      const bare = (await loop.run(task)) as { readonly perSecond: number };
      // The first round is not counted.
      if (round === 0) continue;
      vault.push(found);
      limit.push(bare.perSecond);
    }
  } finally {
    loop.close();
    await arena.close();
  }
  const note = vault.some(atItsLimit) ? 'the load generator was at its limit' : '';
  return [
    {
      ...{ name: 'reads beyond the cache, 100,000 users', unit: '/s', note },
      vault: vault.map(({ perSecond }) => perSecond),
      limit,
      against: 'bare loop of a statement for each',
    },
  ];
}
