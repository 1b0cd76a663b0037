/**
 * The limit for reads beyond the cache, a process of its own: the rows of as many grants by their names,
 * a statement each, in a bare loop. Takes one line of JSON on stdin, answers with one on stdout, and again.
 */
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import pg from 'pg';

const ROW = `SELECT * FROM stitch_grants WHERE provider = 'stitch-money' AND user_id = $1
  AND connection = 'default'`;

async function read({ url, users, connections, concurrency }) {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  const left = [...users].reverse();
  await Promise.all(Array.from({ length: connections }, () => pool.query(ROW, [users[0]])));
  const started = performance.now();
  const worker = async () => {
    for (let user = left.pop(); user !== undefined; user = left.pop()) {
      const { rows } = await pool.query(ROW, [user]);
      if (rows.length !== 1) throw new Error(`${rows.length} rows of one grant`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - started) / 1000;
  await pool.end();
  return { perSecond: users.length / seconds };
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await read(JSON.parse(line)).catch((error) => ({ error: error.message }));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
