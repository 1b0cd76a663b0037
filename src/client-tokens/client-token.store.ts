import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type {
  ClientToken,
  ClientTokenKey,
  ClientTokenRefusal,
  ClientTokenRow,
} from './client-token.js';

/** Different sets of scopes of one provider at most: each is a call, however they are made up. */
const SCOPE_SETS = 200;
/** What nobody has read for so long, and is no living token, is forgotten. */
const FORGOTTEN_AFTER = `interval '1 hour'`;

const MILLISECOND = `interval '1 millisecond'`;
const milliseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000)::numeric`;
const time = (parameter: string) => `to_timestamp(${parameter}::float8 / 1000)`;

const COLUMNS = `t.provider, t.client_id AS "clientId", t.scope, t.access_token AS "accessToken",
  t.granted_scope AS "grantedScope", ${milliseconds('t.obtained_at')} AS "obtainedAt",
  ${milliseconds('t.expires_at')} AS "expiresAt", t.version::numeric AS version,
  ${milliseconds('t.lease_expires_at')} AS "leaseExpiresAt", t.failure_count AS "failureCount",
  t.refusal, ${milliseconds('t.retry_at')} AS "retryAt"`;

const THIS = 't.provider = $1 AND t.client_id = $2 AND t.scope = $3';
const FREE = `(t.lease_expires_at IS NULL OR t.lease_expires_at <= now())
  AND (t.retry_at IS NULL OR t.retry_at <= now())`;

interface Columns extends Omit<ClientTokenRow, 'token'> {
  readonly accessToken: Buffer | null;
  readonly grantedScope: string | null;
  readonly obtainedAt: number | null;
  readonly expiresAt: number | null;
}

/** How a call for a token failed. */
export interface FailedCall {
  readonly error: string;
  /** Milliseconds until the provider is asked again. */
  readonly retryIn: number;
  readonly refusal: ClientTokenRefusal | null;
}

/** The table `client_tokens`. */
@Injectable()
export class ClientTokenStore {
  constructor(private readonly database: Database) {}

  /** @throws StorageUnavailableError */
  async load(key: ClientTokenKey): Promise<ClientTokenRow | undefined> {
    const [row] = await this.database.query<Columns>(
      `SELECT ${COLUMNS} FROM client_tokens t WHERE ${THIS}`,
      names(key),
    );
    return row && toRow(row);
  }

  /**
   * Takes the right to ask the provider, unless somebody else has it, the token was renewed since,
   * or it is too early.
   *
   * @param version what was seen; 0 for no token
   * @returns whether the lease is ours. `full`: there are too many other sets of scopes
   * @throws StorageUnavailableError
   */
  async claim(
    key: ClientTokenKey,
    version: number,
    lease: { readonly owner: string; readonly milliseconds: number },
  ): Promise<'claimed' | 'taken' | 'full'> {
    const [row] = await this.database.query<{ full: boolean; claimed: boolean }>(
      `WITH room AS (
         SELECT EXISTS (SELECT FROM client_tokens t WHERE ${THIS})
           OR (SELECT count(*) FROM client_tokens WHERE provider = $1) < $7 AS is_there),
       claimed AS (
         INSERT INTO client_tokens AS t
           (provider, client_id, scope, lease_owner, lease_expires_at)
         SELECT $1, $2, $3, $5, now() + $6 * ${MILLISECOND} FROM room WHERE is_there
         ON CONFLICT (provider, client_id, scope) DO UPDATE
           SET lease_owner = $5, lease_expires_at = now() + $6 * ${MILLISECOND}
           WHERE t.version = $4 AND ${FREE}
         RETURNING 1)
       SELECT NOT is_there AS full, EXISTS (SELECT FROM claimed) AS claimed FROM room`,
      [...names(key), version, lease.owner, lease.milliseconds, SCOPE_SETS],
    );
    if (row?.full) return 'full';
    return row?.claimed ? 'claimed' : 'taken';
  }

  /** @returns whether it was still ours to write @throws StorageUnavailableError */
  async commit(
    key: ClientTokenKey,
    owner: string,
    token: ClientToken,
    refreshDueAt: number | null,
  ): Promise<boolean> {
    const written = await this.database.query(
      `UPDATE client_tokens t SET access_token = $5, granted_scope = $6, obtained_at = ${time('$7')},
         expires_at = ${time('$8')}, refresh_due_at = ${time('$9')}, version = t.version + 1,
         lease_owner = NULL, lease_expires_at = NULL, failure_count = 0, last_error = NULL,
         refusal = NULL, retry_at = NULL
       WHERE ${THIS} AND t.lease_owner = $4 RETURNING 1`,
      [
        ...names(key),
        owner,
        token.accessToken,
        token.scopes.join(' '),
        token.obtainedAt,
        token.expiresAt,
        refreshDueAt,
      ],
    );
    return written.length > 0;
  }

  /** Gives the lease back after a call that brought nothing. @throws StorageUnavailableError */
  async fail(key: ClientTokenKey, owner: string, failed: FailedCall): Promise<void> {
    await this.database.query(
      `UPDATE client_tokens t SET lease_owner = NULL, lease_expires_at = NULL,
         failure_count = t.failure_count + 1, last_error = $5, refusal = $6,
         retry_at = now() + $7 * ${MILLISECOND}
       WHERE ${THIS} AND t.lease_owner = $4`,
      [...names(key), owner, failed.error, failed.refusal, failed.retryIn],
    );
  }

  /**
   * Tokens that are to be renewed because they were read since they were obtained. @param clients
   * the providers that are configured, and as whom
   */
  async due(clients: readonly Omit<ClientTokenKey, 'scope'>[]): Promise<ClientTokenRow[]> {
    const rows = await this.database.query<Columns>(
      `SELECT ${COLUMNS} FROM client_tokens t
       JOIN unnest($1::text[], $2::text[]) AS u(provider, client_id) USING (provider, client_id)
       WHERE t.refresh_due_at <= now() AND t.last_read_at >= t.obtained_at AND ${FREE}
       ORDER BY t.refresh_due_at LIMIT 50`,
      [clients.map(({ provider }) => provider), clients.map(({ clientId }) => clientId)],
    );
    return rows.map(toRow);
  }

  /** Writes when tokens were read last. @throws StorageUnavailableError */
  async touch(
    reads: readonly { readonly key: ClientTokenKey; readonly at: number }[],
  ): Promise<void> {
    await this.database.query(
      `UPDATE client_tokens t SET last_read_at = ${time('u.at')}
       FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[]) AS u(provider, client_id, scope, at)
       WHERE t.provider = u.provider AND t.client_id = u.client_id AND t.scope = u.scope
         AND t.last_read_at < ${time('u.at')}`,
      [
        reads.map(({ key }) => key.provider),
        reads.map(({ key }) => key.clientId),
        reads.map(({ key }) => key.scope),
        reads.map(({ at }) => at),
      ],
    );
  }

  /** Forgets everything, calls under way as well: what they bring is not written. @throws StorageUnavailableError */
  async forgetAll(): Promise<void> {
    await this.database.query('DELETE FROM client_tokens');
  }

  /** Forgets what has ended and nobody asks for any more. @throws StorageUnavailableError */
  async forget(): Promise<void> {
    await this.database.query(
      `DELETE FROM client_tokens t WHERE t.last_read_at < now() - ${FORGOTTEN_AFTER} AND ${FREE}
         AND (t.access_token IS NULL OR t.expires_at < now() - ${FORGOTTEN_AFTER})`,
    );
  }
}

const names = ({ provider, clientId, scope }: ClientTokenKey) => [provider, clientId, scope];

function toRow({
  accessToken,
  grantedScope,
  obtainedAt,
  expiresAt,
  ...row
}: Columns): ClientTokenRow {
  const token =
    accessToken && obtainedAt !== null
      ? { accessToken, scopes: grantedScope?.split(' ') ?? [], obtainedAt, expiresAt }
      : null;
  return { ...row, token };
}
