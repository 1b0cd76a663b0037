import { STATEMENT_TIMEOUT_MS } from './data-source.js';

/** The oldest PostgreSQL that the vault works with. */
const OLDEST_MAJOR = 15;

/** What a session of the vault's role in its database is given by the server. */
export interface ServerSettings {
  /** `server_version_num`, such as 150004. */
  readonly version: number;
  readonly encoding: string;
  readonly recovering: boolean;
  readonly readOnly: string;
  readonly replicationRole: string;
  readonly isolation: string;
  /** "off" has the word NULL in an array read as text. */
  readonly arrayNulls: string;
  /** Milliseconds; 0 for none. */
  readonly statementTimeout: number;
  /** The schema in which tables are made; null when `search_path` names none that exists. */
  readonly schema: string | null;
}

/** SQL for one row of {@link ServerSettings}. */
export const SERVER_SETTINGS = `
  SELECT current_setting('server_version_num')::int AS version,
    current_setting('server_encoding') AS encoding,
    pg_is_in_recovery() AS recovering,
    current_setting('default_transaction_read_only') AS "readOnly",
    current_setting('session_replication_role') AS "replicationRole",
    current_setting('default_transaction_isolation') AS isolation,
    current_setting('array_nulls') AS "arrayNulls",
    (SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout') AS "statementTimeout",
    current_schema()::text AS schema`;

/**
 * What the vault can't work with, by the name of the setting and with what is expected of it. All
 * else that a server, a database or a role may set is either pinned for the session or has no effect
 * on what is read and written.
 */
export function settingProblems(settings: ServerSettings): string[] {
  const { version, encoding, recovering, readOnly, replicationRole, isolation } = settings;
  const { statementTimeout, schema, arrayNulls } = settings;
  const major = Math.floor(version / 10_000);
  const problems: readonly (readonly [boolean, string])[] = [
    [major < OLDEST_MAJOR, `server_version: PostgreSQL ${OLDEST_MAJOR} or later, not ${major}`],
    [encoding !== 'UTF8', `server_encoding: UTF8, not ${encoding}`],
    [recovering, 'in_recovery: a server that takes writes, not a standby'],
    [!recovering && readOnly !== 'off', 'default_transaction_read_only: off'],
    [
      replicationRole !== 'origin',
      `session_replication_role: origin, not ${replicationRole} (no trigger would run)`,
    ],
    [isolation !== 'read committed', `default_transaction_isolation: read committed`],
    [arrayNulls !== 'on', 'array_nulls: on (the word NULL would be stored for nothing)'],
    [
      statementTimeout > 0 && statementTimeout < STATEMENT_TIMEOUT_MS,
      `statement_timeout: 0, or at least ${STATEMENT_TIMEOUT_MS} ms`,
    ],
    [schema === null, 'search_path: a schema that exists, first'],
  ];
  return problems.flatMap(([wrong, problem]) => (wrong ? [problem] : []));
}

/** The server, the database or the role has a setting that the vault can't work with. */
export class ServerSettingsError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.map((problem) => `The database is set up wrong. ${problem}`).join('\n'));
    this.name = 'ServerSettingsError';
  }
}
