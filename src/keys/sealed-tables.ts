import { AUDIT_KEY_TABLE } from '../audit/index.js';
import { REQUEST_TABLE } from '../authorization-requests/index.js';
import { CLIENT_TOKEN_TABLE } from '../client-tokens/index.js';
import type { SealedTable } from '../database/index.js';
import { GRANT_TABLES } from '../grants/index.js';
import { REVOCATION_TABLE } from '../refresher/index.js';

/** Every table with sealed values, as its owner describes it. */
export const SEALED_TABLES: readonly SealedTable[] = [
  ...GRANT_TABLES,
  REVOCATION_TABLE,
  REQUEST_TABLE,
  AUDIT_KEY_TABLE,
  CLIENT_TOKEN_TABLE,
];
