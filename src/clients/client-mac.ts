import type { AuditKey } from '../audit/index.js';
import type { Query } from '../database/index.js';

const MICROSECONDS = 1_000_000;
const time = (column: string) =>
  `((extract(epoch FROM ${column}) * ${String(MICROSECONDS)})::bigint)::text`;

/**
 * Everything of a client's row that decides, as an array of texts. Not its last use, which any
 * replica notes; and its revocation, so that a revoked client can't be brought back.
 */
export const AUTHENTIC = `ARRAY[client_id::text, name, scopes::text, providers::text,
  user_prefixes::text, encode(key_hash, 'hex'), encode(previous_key_hash, 'hex'),
  ${time('previous_key_expires_at')}, subject, certificate, ${time('expires_at')},
  ${time('revoked_at')}, revision::text] AS authentic`;

/** The count of a changed row's changes: also above what was counted before the database went back. */
export const NEXT_REVISION = 'greatest(revision + 1, extract(epoch FROM now())::bigint)';

/** What of a row the MAC is over, and the MAC. */
export interface VouchedRow {
  readonly authentic: readonly (string | null)[];
  readonly mac: Buffer | null;
}

const LABEL = 'service_clients';

/** Whether the vault, or an operator with its keyring, has written the row as it is. */
export const isAuthentic = (key: AuditKey, { authentic, mac }: VouchedRow): boolean =>
  key.isTagOfRow(LABEL, authentic, mac);

/** One client, by its id or by its name. */
type Which = { readonly clientId: string } | { readonly name: string };

const rowsOf = (query: Query, which: Which) =>
  query<VouchedRow>(
    `SELECT ${AUTHENTIC}, mac FROM service_clients
     WHERE ${'name' in which ? 'name' : 'client_id::text'} = $1 FOR UPDATE`,
    ['name' in which ? which.name : which.clientId],
  );

/** Vouches for a client as it now is, in the transaction of the change; nothing if there is none. */
export async function vouchFor(query: Query, key: AuditKey, which: Which): Promise<void> {
  for (const { authentic } of await rowsOf(query, which)) {
    await query('UPDATE service_clients SET mac = $2 WHERE client_id::text = $1', [
      authentic[0],
      key.tagOfRow(LABEL, authentic),
    ]);
  }
}

/** Whether the client may be believed; also if there is none. Locks its row. */
export async function isVouchedFor(query: Query, key: AuditKey, which: Which): Promise<boolean> {
  return (await rowsOf(query, which)).every((row) => isAuthentic(key, row));
}

/** Vouches for the clients that were there before anything vouched for them. */
export async function vouchForAll(query: Query, key: AuditKey): Promise<void> {
  const rows = await query<{ name: string }>('SELECT name FROM service_clients WHERE mac IS NULL');
  for (const { name } of rows) await vouchFor(query, key, { name });
}
