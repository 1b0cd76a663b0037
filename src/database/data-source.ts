import type { DataSourceOptions, Logger } from 'typeorm';
import { migrations } from '#migrations';
import type { ConnectionConfig } from '../config/index.js';
import { HeardClient, clientConfig } from './heard-client.js';

/** Milliseconds to get a connection, by opening one or by waiting for one of the pool. */
export const CONNECT_TIMEOUT_MS = 2000;
/** Milliseconds for one statement. All of the vault's are short; one that is not is in trouble. */
export const STATEMENT_TIMEOUT_MS = 3000;
/** Milliseconds for the statement that asks whether the database is there at all. */
export const PROBE_TIMEOUT_MS = 2000;

const ignore = (): void => undefined;

const SILENT: Logger = {
  logQuery: ignore,
  logQueryError: ignore,
  logQuerySlow: ignore,
  logSchemaBuild: ignore,
  logMigration: ignore,
  log: ignore,
};

/**
 * How TypeORM connects. No session state (no `SET`, no startup options, no named statements), so
 * that the vault works behind a pooler in transaction mode. Deadlines are the client's for that
 * reason.
 */
export function dataSourceOptions(config: ConnectionConfig): DataSourceOptions {
  return {
    type: 'postgres',
    applicationName: 'stitch-token-vault',
    poolSize: config.poolSize,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    extra: {
      ...clientConfig(config),
      query_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
      Client: HeardClient,
    },
    migrations,
    migrationsTableName: 'migrations',
    migrationsRun: false,
    synchronize: false,
    // Nothing here needs an extension, and a vault's role should not be able to create one.
    installExtensions: false,
    // What stands for gen_random_uuid(), which PostgreSQL has had itself since version 13.
    uuidExtension: 'pgcrypto',
    // TypeORM's logs hold statements with their parameters, and some go to stdout whatever
    // `logging` says: a failed migration would break the one JSON document that belongs there.
    logging: false,
    logger: SILENT,
    poolErrorHandler: () => undefined,
  };
}
