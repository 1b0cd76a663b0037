import { AsyncLocalStorage } from 'node:async_hooks';
import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { StorageUnavailableError } from '../common/index.js';
import { Connections } from './connections.js';
import type { Query } from './connections.js';

/**
 * Runs all statements of the vault, which are short. It knows whether the database answers: while
 * the database is away, statements fail at once instead of waiting one by one.
 */
@Injectable()
export class Database {
  private reachable = false;
  private lostBy: string | undefined;
  private contact = performance.now();
  private answeredAt = -Infinity;
  private readonly recovered = new Set<() => void>();
  private readonly suspected = new Set<(cause: unknown) => void>();
  private readonly restoring = new AsyncLocalStorage<{ active: boolean }>();
  private restorers = 0;
  private greeting: ((query: Query) => Promise<boolean>) | undefined;
  private readonly connections: Connections;

  constructor(dataSource: DataSource) {
    this.connections = new Connections(dataSource, {
      mustGreet: () => this.reachable && this.greeting !== undefined,
      greet: async (query) => {
        const known = (await this.greeting?.(query)) ?? true;
        if (!known) this.lost();
        return known;
      },
      onFailure: (cause) => {
        for (const callback of this.suspected) callback(cause);
      },
    });
  }

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
  get pool(): Connections['counts'] {
    return this.connections.counts;
  }

  /** Calls back each time the database is reached again after it was away. */
  onRecovery(callback: () => void): void {
    this.recovered.add(callback);
  }

  /** Calls back when a statement failed for want of the database, with what it failed with. */
  onSuspicion(callback: (cause: unknown) => void): void {
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
    return this.connections.run((query) => query(sql, parameters, timeout));
  };

  /**
   * Several statements in one transaction, rolled back when `work` throws.
   *
   * @param client who asked for it, for the audit that triggers write
   */
  async transaction<T>(work: (query: Query) => Promise<T>, client?: string): Promise<T> {
    if (!this.usable) throw new StorageUnavailableError();
    return this.connections.run(async (query) => {
      await query('BEGIN');
      try {
        if (client !== undefined) {
          await query(`SELECT set_config('stitch_vault.client', $1, true)`, [client]);
        }
        const result = await work(query);
        await query('COMMIT');
        return result;
      } catch (error) {
        // A connection that cannot even roll back is closed by `Connections.run`.
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
    await this.connections.open();
    const restoring = { active: true };
    this.restorers += 1;
    try {
      const there = await this.restoring.run(restoring, () => this.connections.run(work));
      this.answeredAt = performance.now();
      if (!there) {
        this.reachable = false;
        this.lostBy = 'compared with what is remembered';
        return;
      }
    } finally {
      restoring.active = false;
      this.restorers -= 1;
      // While it is in use, Node has to track every promise and event of the process.
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
    return this.connections.run((query) => query<Row>(sql));
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
}

/** Its messages may name hosts and roles: the code alone is for everybody. */
function codeOf(cause: unknown): string | undefined {
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && /^[A-Z0-9_]{3,20}$/.test(code) ? code : undefined;
}
