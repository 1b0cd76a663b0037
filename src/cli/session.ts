import { performance } from 'node:perf_hooks';
import { DataSource } from 'typeorm';
import type { ConnectionConfig } from '../config/index.js';
import { Database, DatabaseClock, dataSourceOptions } from '../database/index.js';

/** A failure that its message explains to the operator, as it stands and without a secret. */
export class OperatorError extends Error {
  /** @param reported whether stdout has the result already */
  constructor(
    message: string,
    readonly reported = false,
  ) {
    super(message);
    this.name = 'OperatorError';
  }
}

/** What a command works with: the vault's way to the database, without a vault around it. */
export interface Session {
  readonly database: Database;
  /** The database's clock, by which the vault decides what is due. */
  readonly clock: DatabaseClock;
}

/** @throws StorageUnavailableError when the database cannot be reached */
export async function withSession<T>(
  config: ConnectionConfig,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const dataSource = new DataSource(dataSourceOptions({ ...config, poolSize: 2 }));
  const database = new Database(dataSource);
  const clock = new DatabaseClock();
  try {
    await database.probe(async (query) => {
      const asked = performance.now();
      const [row] = await query<{ now: number }>(
        'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::numeric AS now',
      );
      if (row) clock.set(row.now, asked, performance.now());
      return true;
    });
    return await work({ database, clock });
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}
