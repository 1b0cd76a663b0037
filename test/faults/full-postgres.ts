import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where a PostgreSQL is whose programs can make a standby: the one from npm can't. */
export const FULL_BINARIES = [
  process.env.FAULTS_PG_BIN ?? '',
  ...['18', '17', '16', '15'].map((version) => `/usr/lib/postgresql/${version}/bin`),
].find((directory) => existsSync(join(directory, 'pg_basebackup')));
