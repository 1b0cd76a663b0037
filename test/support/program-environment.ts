import { join } from 'node:path';
import type { TestDatabase } from './database.js';
import { temporaryDirectory } from './programs.js';
import { TEST_KEYRING } from './vault.js';

/** What a vault needs that runs as a process of its own: free ports, and a spool of its own. */
export const programEnvironment = (
  { url }: Pick<TestDatabase, 'url'>,
  environment: Record<string, string> = {},
): Record<string, string> => ({
  NODE_ENV: 'test',
  PORT: '0',
  PUBLIC_PORT: '0',
  DATABASE_URL: url,
  VAULT_KEYRING: TEST_KEYRING,
  SPOOL_DIR: join(temporaryDirectory(), 'spool'),
  ...environment,
});
