import type { Caller } from '../common/index.js';
import { AUTHENTIC } from './client-mac.js';

/** What of a row of `service_clients` decides who its caller is and what it may do. */
export interface ClientRow {
  readonly client_id: string;
  readonly name: string;
  readonly scopes: string[];
  readonly providers: string[] | null;
  readonly user_prefixes: string[] | null;
  /** Hexadecimal digits. */
  readonly key_hash: string | null;
  readonly previous_key_hash: string | null;
  /** Milliseconds since the epoch by the database's clock; null: never, or no such key. */
  readonly previous_key_until: number | null;
  readonly subject: string | null;
  readonly certificate: string | null;
  /** Milliseconds since the epoch by the database's clock; null: never. */
  readonly expires_until: number | null;
}

const milliseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000)::numeric`;

/** Reads the columns of a {@link ClientRow}, in a form that no setting of the server changes. */
const CLIENT_COLUMNS = `client_id, name, scopes, providers, user_prefixes,
  encode(key_hash, 'hex') AS key_hash, encode(previous_key_hash, 'hex') AS previous_key_hash,
  ${milliseconds('previous_key_expires_at')} AS previous_key_until, subject, certificate,
  ${milliseconds('expires_at')} AS expires_until`;

/** Reads a {@link ClientRow} with what vouches for it. */
export const VOUCHED_COLUMNS = `${CLIENT_COLUMNS}, ${AUTHENTIC}, mac,
  revision::numeric AS revision`;

/** Whose rows can still be callers. */
export const VALID = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())';

/** The caller that a row describes. */
export const toCaller = (row: ClientRow): Caller => ({
  id: row.client_id,
  name: row.name,
  scopes: new Set(row.scopes),
  providers: row.providers && new Set(row.providers),
  userPrefixes: row.user_prefixes,
});
