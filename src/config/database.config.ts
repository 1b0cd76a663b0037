import { readDatabaseTls } from './database-tls.js';
import type { DatabaseTls } from './database-tls.js';
import { DATABASE_URL, parseDatabaseUrl } from './database-url.js';
import type { DatabaseUrl, ServerAddress } from './database-url.js';
import type { EnvironmentReader } from './environment-reader.js';
import { refuseExposedDatabase } from './hazards.js';
import { defineNamespace } from './namespace.js';
import { isLoopback } from './parsers.js';

/** How to reach PostgreSQL. The operator commands need this much and no more. */
export interface ConnectionConfig {
  /** In the order in which they are tried. */
  readonly servers: readonly ServerAddress[];
  readonly database: string;
  /** Undefined: what the driver takes instead, `PGUSER` for one. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly tls: DatabaseTls;
  /** Whether a server has to take writes to be worked with. */
  readonly needsWrites: boolean;
  /** Further settings of a session, as libpq's `options`. */
  readonly options: string | undefined;
  /** Connections at most, per process. */
  readonly poolSize: number;
}

/** How to reach PostgreSQL, and what holds while it can't be reached. */
export interface DatabaseConfig extends ConnectionConfig {
  /** For so long what is in memory is believed while the database can't be asked. */
  readonly staleTrustMs: number;
}

export const databaseConfig = defineNamespace('database', (reader): DatabaseConfig => ({
  ...readConnection(reader),
  staleTrustMs: reader.durationMs('STALE_TRUST', 900, 0, 86_400),
}));

const DEFAULT_PORT = 5432;
const NOTHING: DatabaseUrl = {
  servers: [],
  database: '',
  user: undefined,
  password: undefined,
  parameters: new Map(),
};

/** The part of it that operator commands need. */
export function readConnection(reader: EnvironmentReader): ConnectionConfig {
  const before = reader.problemCount;
  const url = reader.parse('DATABASE_URL', DATABASE_URL, NOTHING, parseDatabaseUrl);
  if (url === NOTHING && reader.problemCount === before) {
    reader.refuse('DATABASE_URL', DATABASE_URL);
  }
  const servers = readServers(reader, url);
  const isLocal = isLocalDatabase({ servers });
  const connection = {
    servers,
    database: url.database,
    user: url.user,
    password: url.password,
    tls: readDatabaseTls(reader, url, isLocal),
    needsWrites: readNeedsWrites(reader, url),
    options: url.parameters.get('options'),
    poolSize: reader.integer('DATABASE_POOL_SIZE', 10, 2, 200),
  };
  refuseExposedDatabase(reader, isLocal || url === NOTHING, connection.tls.mode);
  return connection;
}

/** Whether all its servers are this machine's: a socket's directory, or a loopback address. */
export const isLocalDatabase = ({ servers }: Pick<ConnectionConfig, 'servers'>): boolean =>
  servers.every(isOnThisMachine);

const isOnThisMachine = ({ host }: ServerAddress): boolean =>
  host.startsWith('/') || host === '::1' || isLoopback({ hostname: host });

function readServers(reader: EnvironmentReader, url: DatabaseUrl): ServerAddress[] {
  const named = url.servers.length > 0 ? url.servers : [{ host: '', port: undefined }];
  const port = reader.integer('PGPORT', DEFAULT_PORT, 1, 65_535);
  return named.map((server) => ({
    host: server.host || (reader.text('PGHOST') ?? 'localhost'),
    port: server.port ?? port,
  }));
}

/** Of several servers the one that takes writes is meant, unless the URL says otherwise. */
function readNeedsWrites(reader: EnvironmentReader, url: DatabaseUrl): boolean {
  const inUrl = url.parameters.get('target_session_attrs');
  const wanted = inUrl ?? reader.text('PGTARGETSESSIONATTRS');
  if (wanted === undefined) return url.servers.length > 1;
  if (!['any', 'read-write', 'primary'].includes(wanted)) {
    const name = inUrl === undefined ? 'PGTARGETSESSIONATTRS' : 'DATABASE_URL';
    reader.refuse(name, 'target_session_attrs to be read-write, primary or any: the vault writes');
  }
  return wanted !== 'any';
}
