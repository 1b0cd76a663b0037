import pg from 'pg';
import type { ConnectionConfig } from '../config/index.js';
import { DatabaseServers, ReadOnlyServerError } from './servers.js';
import type { Way } from './servers.js';

/**
 * Settings of each session, whatever the server, the database or the role say: the driver reads
 * times by them. In the startup packet, which comes before all those, and these of all settings
 * because PgBouncer keeps them for each client in transaction mode, too.
 */
const SESSION = {
  DateStyle: 'ISO, YMD',
  TimeZone: 'UTC',
  standard_conforming_strings: 'on',
};

/**
 * What numbers are read as: the driver would give it as text. Not float8, of whose digits
 * `extra_float_digits` drops as many as somebody likes.
 */
const NUMERIC = pg.types.builtins.NUMERIC;

/** Settings that a server reports by itself (PostgreSQL 14 or later), "on" where it takes no writes. */
const REFUSING_WRITES = ['in_hot_standby', 'default_transaction_read_only'];

type HeardConfig = pg.ClientConfig & { readonly servers: DatabaseServers };

/** What the driver knows of its connection, and its typings leave out. */
interface Inner {
  host: string;
  port: number;
  ssl: Way['ssl'];
  readonly connection: {
    ssl: Way['ssl'];
    on(
      event: 'parameterStatus',
      listener: (message: { parameterName: string; parameterValue: string }) => void,
    ): void;
  };
}

const everyServers = new WeakMap<ConnectionConfig, DatabaseServers>();

/** How a {@link HeardClient} gets to the database. Those of one configuration share what was found. */
export function clientConfig(config: ConnectionConfig): HeardConfig {
  const servers = everyServers.get(config) ?? new DatabaseServers(config);
  everyServers.set(config, servers);
  const { user, password, database, options } = config;
  // Set, also without TLS: the driver would look into PGSSLMODE, which has been obeyed already.
  return { user, password, database, options, ssl: false, servers };
}

/**
 * A connection whose error event always has a listener. The pool listens to idle connections only.
 * One that breaks while it is used, or while it is handed out, fails its statement, which is dealt
 * with there; but its error event without a listener would end the process. It finds its server by
 * itself.
 */
export class HeardClient extends pg.Client {
  private readonly servers: DatabaseServers;
  private readonly refusing = new Set<string>();

  constructor(config: HeardConfig) {
    super(config);
    this.servers = config.servers;
    this.on('error', () => undefined);
    this.setTypeParser(NUMERIC, Number);
    this.inner.connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
      if (!REFUSING_WRITES.includes(parameterName)) return;
      if (parameterValue === 'on') this.refusing.add(parameterName);
      else this.refusing.delete(parameterName);
    });
  }

  /** What the startup packet holds: a method of the driver that its typings leave out. */
  getStartupConf(): Record<string, string> {
    const { getStartupConf } = pg.Client.prototype as unknown as {
      getStartupConf: () => Record<string, string>;
    };
    return { ...getStartupConf.call(this), ...SESSION };
  }

  override connect(): Promise<this>;
  override connect(callback: (error: Error | null) => void): void;
  override connect(callback?: (error: Error | null) => void): Promise<this> | undefined {
    const connected = this.reach();
    if (!callback) return connected.then(() => this);
    connected.then(
      () => {
        callback(null);
      },
      (error: unknown) => {
        callback(error as Error);
      },
    );
    return undefined;
  }

  private get inner(): Inner {
    return this as unknown as Inner;
  }

  private async reach(): Promise<void> {
    const way = this.servers.known ?? (await this.servers.find());
    Object.assign(this.inner, way);
    this.inner.connection.ssl = way.ssl;
    try {
      await super.connect();
      // After a failover the server that was found may answer as a standby.
      if (this.servers.needsWrites && this.refusing.size > 0) throw new ReadOnlyServerError();
    } catch (error) {
      this.servers.forget(way);
      void this.end().catch(() => undefined);
      throw error;
    }
  }
}
