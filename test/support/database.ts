import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { loadDatabaseConfig } from '../../src/config/index.js';
import type { ConnectionConfig } from '../../src/config/index.js';

/** A database of one test file, cloned from the migrated template. */
export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  query<Row extends pg.QueryResultRow>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** What the vault makes of a connection URL. */
export const connectionTo = (url: string, poolSize = 2): ConnectionConfig =>
  loadDatabaseConfig({ DATABASE_URL: url, DATABASE_POOL_SIZE: String(poolSize) });

/** @param options.empty without any table, for tests of the migrations themselves */
export const createDatabase = (options: { empty?: boolean } = {}): Promise<TestDatabase> =>
  cloneOf(options.empty ? 'template0' : required('TEST_DATABASE_TEMPLATE'));

/** Another database with all that this one holds. Only a database without a vault can be cloned. */
export async function cloneDatabase(source: TestDatabase): Promise<TestDatabase> {
  await onServer(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${source.name}'`,
  );
  return cloneOf(source.name);
}

async function cloneOf(template: string): Promise<TestDatabase> {
  const name = `vault_${randomBytes(8).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = new URL(required('TEST_DATABASE_ADMIN_URL'));
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 2, allowExitOnIdle: true });
  pool.on('error', () => undefined);
  return {
    url: url.href,
    name,
    query: async <Row extends pg.QueryResultRow>(sql: string, parameters?: unknown[]) =>
      (await pool.query<Row>(sql, parameters)).rows,
    drop: async () => {
      await pool.end();
      await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: required('TEST_DATABASE_ADMIN_URL') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with npm test`);
  return value;
}
