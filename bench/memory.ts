import { readFileSync } from 'node:fs';
import type { Arena } from '../test/faults/arena.js';
import type { Figure } from './figures.js';
import type { LoadGenerator } from './load.js';
import { users } from './users.js';

const CACHED = 5000;

/** Resident memory that a cached grant costs, beside the sealed bytes of its row. */
export async function measureMemory(
  arena: Arena,
  key: string,
  generator: LoadGenerator,
): Promise<Figure> {
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
