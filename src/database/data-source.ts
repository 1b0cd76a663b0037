import pg from 'pg';
import type { DataSourceOptions, Logger } from 'typeorm';
import { migrations } from '#migrations';
import type { ConnectionConfig } from '../config/index.js';

/** Milliseconds to get a connection, by opening one or by waiting for one of the pool. */
export const CONNECT_TIMEOUT = 2000;
/** Milliseconds for one statement. All of the vault's are short; one that is not is in trouble. */
export const STATEMENT_TIMEOUT = 3000;
/** Milliseconds for the statement that asks whether the database is there at all. */
export const PROBE_TIMEOUT = 2000;

const ignore = (): void => undefined;

/**
 * What a session is asked to be like, whatever the server, the database or the role say: the driver
 * reads times by it. In the startup packet, which comes before all those, and these of all settings
 * because PgBouncer keeps them for each client in transaction mode, too.
 */
const SESSION = {
  DateStyle: 'ISO, YMD',
  TimeZone: 'UTC',
  standard_conforming_strings: 'on',
};

/**
 * A connection that somebody always listens to. The pool listens to idle ones only; one that breaks
 * in our hands, or in the instant of being handed over, fails its statement and is dealt with
 * there, but its error event, unheard, would end the process.
 */
export class HeardClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', ignore);
  }

  /** What the startup packet holds: a method of the driver that its typings leave out. */
  getStartupConf(): Record<string, string> {
    const { getStartupConf } = pg.Client.prototype as unknown as {
      getStartupConf: () => Record<string, string>;
    };
    return { ...getStartupConf.call(this), ...SESSION };
  }
}

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
 * that a transaction-mode pooler can stand between. Deadlines are the client's for that reason.
 */
export function dataSourceOptions(config: ConnectionConfig): DataSourceOptions {
  return {
    type: 'postgres',
    url: config.url,
    applicationName: 'stitch-token-vault',
    poolSize: config.poolSize,
    connectTimeoutMS: CONNECT_TIMEOUT,
    extra: { query_timeout: STATEMENT_TIMEOUT, keepAlive: true, Client: HeardClient },
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
