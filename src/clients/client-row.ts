import type { Caller } from '../common/index.js';
import type { RowOf } from '../database/index.js';
import { AUTHENTIC } from './client-mac.js';
import type { VouchedRow } from './client-mac.js';
import { CLIENT_ROWS } from './service-client.entity.js';

const DECIDING = CLIENT_ROWS.only(
  'clientId',
  'name',
  'scopes',
  'providers',
  'userPrefixes',
  'keyHash',
  'previousKeyHash',
  'previousKeyExpiresAt',
  'subject',
  'certificate',
  'expiresAt',
);

/** What of a row of `service_clients` decides who its caller is and what it may do. */
export type ClientRow = RowOf<typeof DECIDING>;

const VOUCHED = CLIENT_ROWS.only('revision', 'mac');

/** A row of a client with what vouches for it. */
export type VouchedClient = ClientRow & VouchedRow & RowOf<typeof VOUCHED>;

/** What a SELECT lists for {@link readVouched}. `c` is the alias of the table. */
export const VOUCHED_COLUMNS = `${DECIDING.selected('c')}, ${VOUCHED.selected('c')}, ${AUTHENTIC}`;

export const readVouched = (row: VouchedClient): VouchedClient => VOUCHED.read(DECIDING.read(row));

/** Whose rows can still be callers. */
export const VALID = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())';

/** The caller that a row describes. */
export const toCaller = (row: ClientRow): Caller => ({
  id: row.clientId,
  name: row.name,
  scopes: new Set(row.scopes),
  providers: row.providers && new Set(row.providers),
  userPrefixes: row.userPrefixes,
});
