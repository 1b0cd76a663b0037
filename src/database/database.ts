import { AsyncLocalStorage } from 'node:async_hooks';
import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { StorageUnavailableError } from '../common/index.js';
import { endStatement, isDeadlinePassed } from './cancel-request.js';
import { STATEMENT_TIMEOUT } from './data-source.js';

/** Runs one parameterised statement, within `timeout` milliseconds. @throws StorageUnavailableError */
export type Query = <Row extends object>(
  sql: string,
  parameters?: unknown[],
  timeout?: number,
) => Promise<Row[]>;

/**
 * SQLSTATE classes and codes that mean "not now" rather than "wrong": connection exceptions,
 * operator intervention, insufficient resources, system error, deadlock and serialization
 * failures, a server that has become read-only by a failover, a schema not migrated yet, rights
 * and locks that are missing for now, a transaction that was ended for waiting.
 */
const TRANSIENT = /^(08|53|57|58|40|25006|25P0[34]|28|42501|42P01|42703|55P03|3D000)/;

/**
 * The hot path to PostgreSQL, over the pool that TypeORM opened. Short statements only; a
 * connection whose statement outlived its deadline is closed rather than given back, once the
 * server has ended the statement or does not answer: neither can a silent server wedge the pool,
 * nor do statements that wait for a lock pile up at the server. While the database is known to be away, statements fail at
 * once instead of waiting one by one.
 */
@Injectable()
export class Database {
  private reachable = false;
  private lostBy: string | undefined;
  private contact = performance.now();
  private answeredAt = -Infinity;
  private readonly recovered = new Set<() => void>();
  private readonly suspected = new Set<() => void>();
  private readonly restoring = new AsyncLocalStorage<{ active: boolean }>();
  private restorers = 0;
  private readonly greeted = new WeakSet<pg.PoolClient>();
  private greeting: ((query: Query) => Promise<boolean>) | undefined;

  constructor(private readonly dataSource: DataSource) {}

  /** Whether the last contact succeeded. */
  get available(): boolean {
    return this.reachable;
  }

  /** Why it counts as away: a SQLSTATE, a system's code, or a word. Nothing of the connection. */
  get trouble(): string | undefined {
    return this.lostBy;
  }

  /** Milliseconds of uninterrupted contact with the database; 0 while it is away. */
  get contactFor(): number {
    return this.reachable ? performance.now() - this.contact : 0;
  }

  /** Milliseconds since the database answered last; Infinity before the first time. */
  get silentForMs(): number {
    return performance.now() - this.answeredAt;
  }

  /** Connections of this process: open, of those idle, and callers waiting for one. */
  get pool(): { total: number; idle: number; waiting: number } {
    const pool = this.connectedPool();
    return {
      total: pool?.totalCount ?? 0,
      idle: pool?.idleCount ?? 0,
      waiting: pool?.waitingCount ?? 0,
    };
  }

  /** Calls back each time the database is reached again after it was away. */
  onRecovery(callback: () => void): void {
    this.recovered.add(callback);
  }

  /** Calls back when a statement failed for want of the database. */
  onSuspicion(callback: () => void): void {
    this.suspected.add(callback);
  }

  /**
   * Has every new connection asked whether it leads to the database that is known: after a failover
   * the next statement may reach another server before anybody has noticed.
   */
  onConnection(greeting: (query: Query) => Promise<boolean>): void {
    this.greeting = greeting;
  }

  /** @throws StorageUnavailableError at once while the database is away */
  readonly query: Query = async (sql, parameters, timeout) => {
    if (!this.usable) throw new StorageUnavailableError();
    return this.attempt((query) => query(sql, parameters, timeout));
  };

  /**
   * Several statements in one transaction, rolled back when `work` throws.
   *
   * @param client who asked for it, for the audit that triggers write
   */
  async transaction<T>(work: (query: Query) => Promise<T>, client?: string): Promise<T> {
    if (!this.usable) throw new StorageUnavailableError();
    return this.attempt(async (query) => {
      await query('BEGIN');
      try {
        if (client !== undefined) {
          await query(`SELECT set_config('stitch_vault.client', $1, true)`, [client]);
        }
        const result = await work(query);
        await query('COMMIT');
        return result;
      } catch (error) {
        // A connection that cannot even roll back is closed by `attempt`.
        if (!(error instanceof StorageUnavailableError)) await query('ROLLBACK');
        throw error;
      }
    });
  }

  /**
   * Connects if need be, and runs `work` whether or not the database was thought to be there. When
   * it says true the database is there; all that it awaits may work with it meanwhile.
   */
  async probe(work: (query: Query) => Promise<boolean>): Promise<void> {
    try {
      if (!this.dataSource.isInitialized) await this.dataSource.initialize();
    } catch (error) {
      throw new StorageUnavailableError(error);
    }
    const restoring = { active: true };
    this.restorers += 1;
    try {
      const there = await this.restoring.run(restoring, () => this.attempt(work));
      this.answeredAt = performance.now();
      if (!there) {
        this.reachable = false;
        this.lostBy = 'compared with what is remembered';
        return;
      }
    } finally {
      restoring.active = false;
      this.restorers -= 1;
      // While it is in use, Node keeps book of every promise and event of the process.
      if (this.restorers === 0) this.restoring.disable();
    }
    if (this.reachable) return;
    this.reachable = true;
    this.lostBy = undefined;
    this.contact = performance.now();
    for (const callback of this.recovered) callback();
  }

  /**
   * Reads from a database that may be thought to be away: to find out what is wrong with it.
   *
   * @throws StorageUnavailableError when it does not answer
   */
  inspect<Row extends object>(sql: string): Promise<Row[]> {
    return this.attempt((query) => query<Row>(sql));
  }

  /** Notes that the database does not answer, or must not be worked with. */
  lost(cause?: unknown): void {
    this.reachable = false;
    this.lostBy = codeOf(cause) ?? 'no answer';
  }

  /** Whether statements may be run: by those who restore what was lost, also while it is away. */
  private get usable(): boolean {
    return this.reachable || (this.restoring.getStore()?.active ?? false);
  }

  private connectedPool(): pg.Pool | undefined {
    const { driver } = this.dataSource;
    return this.dataSource.isInitialized && driver instanceof PostgresDriver
      ? (driver.master as pg.Pool)
      : undefined;
  }

  private async attempt<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const pool = this.connectedPool();
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
      limit = STATEMENT_TIMEOUT,
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

  /** @throws StorageUnavailableError where a new connection leads elsewhere */
  private async greet(client: pg.PoolClient, query: Query): Promise<void> {
    if (!this.reachable || !this.greeting || this.greeted.has(client)) return;
    if (!(await this.greeting(query))) {
      this.lost();
      throw this.unavailable(new Error('another database'));
    }
    this.greeted.add(client);
  }

  private unavailable(cause: unknown): StorageUnavailableError {
    for (const callback of this.suspected) callback();
    return new StorageUnavailableError(cause);
  }
}

/** Its messages may name hosts and roles: the code alone is for everybody. */
function codeOf(cause: unknown): string | undefined {
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && /^[A-Z0-9_]{3,20}$/.test(code) ? code : undefined;
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
