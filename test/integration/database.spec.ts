import { DataSource } from 'typeorm';
import { StorageUnavailableError } from '../../src/common/index.js';
import { Database, dataSourceOptions } from '../../src/database/index.js';
import { connectionTo, createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { eventually } from '../support/wait.js';

describe('the way to the database', () => {
  let real: TestDatabase;
  let dataSource: DataSource;
  let database: Database;
  beforeEach(async () => {
    real = await createDatabase();
    await real.query('CREATE TABLE notes (text text PRIMARY KEY)');
    dataSource = new DataSource(dataSourceOptions(connectionTo(real.url)));
    database = new Database(dataSource);
    await database.probe(() => Promise.resolve(true));
  });
  afterEach(async () => {
    if (dataSource.isInitialized) await dataSource.destroy();
    await real.drop();
  });

  const unavailable = { name: 'StorageUnavailableError', status: 503 };
  const running = (sql: string) =>
    eventually(`the server runs ${sql}`, async () => {
      const rows = await real.query(
        `SELECT 1 FROM pg_stat_activity WHERE query = $1 AND state = 'active'`,
        [sql],
      );
      return rows.length > 0;
    });

  it('fails at once while the database is known to be away, and works again after a probe', async () => {
    let recoveries = 0;
    database.onRecovery(() => (recoveries += 1));
    database.lost();
    await expect(database.query('SELECT 1')).rejects.toMatchObject(unavailable);
    await expect(database.transaction(() => Promise.resolve())).rejects.toMatchObject(unavailable);
    expect({ available: database.available, contactFor: database.contactFor }).toEqual({
      available: false,
      contactFor: 0,
    });
    await database.probe(() => Promise.resolve(true));
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(recoveries).toBe(1);
  });

  it('fails before the first contact too', async () => {
    const untried = new Database(new DataSource(dataSourceOptions(connectionTo(real.url))));
    await expect(untried.query('SELECT 1')).rejects.toMatchObject(unavailable);
  });

  it.each([
    ['a dropped table', 'SELECT * FROM not_migrated'],
    ['a missing column', 'SELECT missing FROM notes'],
    ['a server shutting down', `DO $$ BEGIN RAISE SQLSTATE '57P01'; END $$`],
    ['a lack of connections', `DO $$ BEGIN RAISE SQLSTATE '53300'; END $$`],
    ['a deadlock', `DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$`],
    ['a serialization failure', `DO $$ BEGIN RAISE SQLSTATE '40001'; END $$`],
    ['a server that became read-only', `DO $$ BEGIN RAISE SQLSTATE '25006'; END $$`],
  ])('takes %s for "not now": 503, and its connection is closed', async (_, sql) => {
    let suspected = 0;
    database.onSuspicion(() => (suspected += 1));
    await expect(database.query(sql)).rejects.toMatchObject(unavailable);
    expect(suspected).toBe(1);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it.each([
    ['a mistake in a statement', 'SELEC 1'],
    ['a broken rule', `INSERT INTO notes VALUES (NULL)`],
  ])('takes %s for what it is: an error of ours', async (_, sql) => {
    const error = await database.query(sql).catch((thrown: unknown) => thrown);
    expect(error).not.toBeInstanceOf(StorageUnavailableError);
    expect(database.pool).toMatchObject({ total: 1, idle: 1 });
  });

  it('gives up on a statement at its deadline, and does not reuse its connection', async () => {
    const sql = 'SELECT pg_sleep(30) AS late';
    await expect(database.query(sql, [], 50)).rejects.toMatchObject(unavailable);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await eventually('the connection is closed', () => database.pool.total === 1);
  });

  it('answers 503 rather than hang when every connection is taken', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const busy = [1, 2].map(() => database.transaction(() => held));
    await eventually('both are taken', () => database.pool.total === 2 && database.pool.idle === 0);
    await expect(database.query('SELECT 1')).rejects.toMatchObject(unavailable);
    release();
    await Promise.all(busy);
    expect(database.pool).toMatchObject({ total: 2, idle: 2, waiting: 0 });
  });

  it('outlives that the server ends the connection of a running statement', async () => {
    const sql = 'SELECT pg_sleep(30) AS cut';
    const cut = database.query(sql);
    await running(sql);
    await real.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1', [
      sql,
    ]);
    await expect(cut).rejects.toMatchObject(unavailable);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('commits a transaction as a whole, and takes all of it back when one part fails', async () => {
    const insert = `INSERT INTO notes VALUES ($1)`;
    await database.transaction(async (query) => {
      await query(insert, ['kept']);
      await query(insert, ['too']);
    });
    const failing = database.transaction(async (query) => {
      await query(insert, ['lost']);
      throw new Error('no luck');
    });
    await expect(failing).rejects.toThrow('no luck');
    await expect(
      database.transaction(async (query) => {
        await query(insert, ['lost']);
        await query(insert, ['kept']);
      }),
    ).rejects.toMatchObject({ code: '23505' });
    expect(await real.query('SELECT text FROM notes ORDER BY text')).toEqual([
      { text: 'kept' },
      { text: 'too' },
    ]);
    expect(database.pool).toMatchObject({ total: 1, idle: 1 });
  });

  it('takes back a transaction whose connection was lost in the middle', async () => {
    const torn = database.transaction(async (query) => {
      await query(`INSERT INTO notes VALUES ('lost')`);
      await real.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE state = 'idle in transaction' AND datname = current_database()`,
      );
      await query(`INSERT INTO notes VALUES ('lost as well')`);
    });
    await expect(torn).rejects.toMatchObject(unavailable);
    expect(await real.query('SELECT 1 FROM notes')).toEqual([]);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});
