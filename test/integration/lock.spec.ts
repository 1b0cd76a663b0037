import pg from 'pg';
import { DataSource } from 'typeorm';
import { Database, dataSourceOptions } from '../../src/database/index.js';
import { connectionTo, createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { eventually } from '../support/wait.js';

const POOL_SIZE = 3;
/** Milliseconds after which a statement is given up here. */
const DEADLINE_MS = 50;

describe('a table that is locked for long', () => {
  let real: TestDatabase;
  let dataSource: DataSource;
  let database: Database;
  let holder: pg.Client;
  beforeEach(async () => {
    real = await createDatabase();
    dataSource = new DataSource(dataSourceOptions(connectionTo(real.url, POOL_SIZE)));
    database = new Database(dataSource);
    await database.probe(() => Promise.resolve(true));
    holder = new pg.Client({ connectionString: real.url });
    await holder.connect();
  });
  afterEach(async () => {
    await holder.end();
    await dataSource.destroy();
    await real.drop();
  });

  const backends = async () => {
    const [row] = await real.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity
       WHERE datname = $1 AND application_name = 'stitch-token-vault'`,
      [real.name],
    );
    return row?.count ?? NaN;
  };

  it('never gets more backends of a process to wait than its pool has places', async () => {
    await holder.query('BEGIN; LOCK TABLE stitch_grants IN ACCESS EXCLUSIVE MODE');
    const counts: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const reads = Array.from({ length: POOL_SIZE }, () =>
        database.query('SELECT 1 FROM stitch_grants', [], DEADLINE_MS).catch(() => undefined),
      );
      await Promise.all(reads);
      counts.push(await backends());
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(POOL_SIZE);
    expect(counts).not.toContain(NaN);
    // While the lock is still held: nothing waits at the server for what nobody waits for here.
    await eventually('the server has ended every statement', async () => {
      const waiting = await real.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`,
        [real.name],
      );
      return waiting.length === 0;
    });
    await holder.query('ROLLBACK');
    expect(await database.query('SELECT 1 AS one FROM stitch_grants')).toEqual([]);
  });
});
