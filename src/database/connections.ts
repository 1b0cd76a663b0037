import pg from 'pg';
import type { DataSource } from 'typeorm';
import { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { StorageUnavailableError } from '../common/index.js';
import { endStatement, isDeadlinePassed } from './cancel-request.js';
import { STATEMENT_TIMEOUT_MS } from './data-source.js';

/** Runs one parameterised statement, within `timeout` milliseconds. @throws StorageUnavailableError */
export type Query = <Row extends object>(
  sql: string,
  parameters?: unknown[],
  timeout?: number,
) => Promise<Row[]>;

/**
 * SQLSTATE classes and codes that mean "not now" rather than "wrong": connection exceptions,
 * operator intervention, insufficient resources, system error, deadlock and serialization
 * failures, a server that has become read-only by a failover, a schema not migrated yet or not in
 * the search path, rights and locks that are missing for now, a transaction that was ended for
 * waiting, a server that refuses writes lest its transaction ids wrap around (54000), a table that
 * is not in the state for it (55000), a snapshot that is too old, a configuration file.
 */
const TRANSIENT =
  /^(08|53|54|55|57|58|40|72|F0|25006|25P0[34]|28|42501|42P01|42703|42883|3D000|3F000)/;

/** What the owner of the connections has to say, and wants to know. */
interface ConnectionHooks {
  /** Whether a new connection has to be asked first where it leads. */
  mustGreet(): boolean;
  /** @returns false where it leads to another database */
  greet(query: Query): Promise<boolean>;
  /** A connection could not be had, or failed its statement for want of the database. */
  onFailure(cause: unknown): void;
}

/**
 * The pool that TypeORM opened. A connection whose statement outlived its deadline is closed rather
 * than given back, once the server has ended the statement or does not answer: so a
 * silent server can't fill the pool with dead connections, and statements that wait for a lock do not
 * add up at the server.
 */
export class Connections {
  private readonly greeted = new WeakSet<pg.PoolClient>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly hooks: ConnectionHooks,
  ) {}

  /** Connections of this process: open, of those idle, and callers waiting for one. */
  get counts(): { total: number; idle: number; waiting: number } {
    const { pool } = this;
    return {
      total: pool?.totalCount ?? 0,
      idle: pool?.idleCount ?? 0,
      waiting: pool?.waitingCount ?? 0,
    };
  }

  /** @throws StorageUnavailableError */
  async open(): Promise<void> {
    try {
      if (!this.dataSource.isInitialized) await this.dataSource.initialize();
    } catch (error) {
      throw new StorageUnavailableError(error);
    }
  }

  /** Runs `work` on one connection. @throws StorageUnavailableError */
  async run<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const pool = this.pool;
    if (!pool) throw new StorageUnavailableError();
    let client: pg.PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      throw this.unavailable(error);
    }
    const after = { broken: false, waiting: false };
    const query: Query = async <Row extends object>(
      sql: string,
      parameters?: unknown[],
      limit = STATEMENT_TIMEOUT_MS,
    ) => {
      try {
        return (await client.query<Row>(statement(sql, parameters, limit))).rows;
      } catch (error) {
        if (error instanceof pg.DatabaseError && !TRANSIENT.test(error.code ?? '')) throw error;
        after.broken = true;
        after.waiting = isDeadlinePassed(error);
        throw this.unavailable(error);
      }
    };
    try {
      await this.greet(client, query);
      return await work(query);
    } finally {
      // Its place in the pool is taken for as long as the server works for it.
      if (after.waiting)
        void endStatement(client).then(() => {
          client.release(true);
        });
      else client.release(after.broken);
    }
  }

  private get pool(): pg.Pool | undefined {
    const { driver } = this.dataSource;
    return this.dataSource.isInitialized && driver instanceof PostgresDriver
      ? (driver.master as pg.Pool)
      : undefined;
  }

  /** @throws StorageUnavailableError where a new connection leads elsewhere */
  private async greet(client: pg.PoolClient, query: Query): Promise<void> {
    if (this.greeted.has(client) || !this.hooks.mustGreet()) return;
    if (!(await this.hooks.greet(query))) {
      throw this.unavailable(new Error('another database'));
    }
    this.greeted.add(client);
  }

  private unavailable(cause: unknown): StorageUnavailableError {
    this.hooks.onFailure(cause);
    return new StorageUnavailableError(cause);
  }
}

/** `query_timeout` per statement is an option of the driver that its typings leave out. */
function statement(text: string, values: unknown[] | undefined, timeout: number): pg.QueryConfig {
  const config: pg.QueryConfig & { query_timeout: number } = {
    text,
    values,
    query_timeout: timeout,
  };
  return config;
}
