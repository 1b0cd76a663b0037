import type { EnvironmentReader } from './environment-reader.js';
import { refuseExposedDatabase } from './hazards.js';
import { defineNamespace } from './namespace.js';
import { parseDatabaseUrl } from './parsers.js';

/** How to reach PostgreSQL. The operator commands need this much and no more. */
export interface ConnectionConfig {
  readonly url: string;
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

/** The part of it that operator commands need. */
export function readConnection(reader: EnvironmentReader): ConnectionConfig {
  const expected = 'a PostgreSQL URL, postgres://user:password@host:port/database';
  const before = reader.problemCount;
  const url = reader.parse('DATABASE_URL', expected, '', parseDatabaseUrl);
  if (!url && reader.problemCount === before) reader.refuse('DATABASE_URL', expected);
  refuseExposedDatabase(reader, url);
  return { url, poolSize: reader.integer('DATABASE_POOL_SIZE', 10, 2, 200) };
}
