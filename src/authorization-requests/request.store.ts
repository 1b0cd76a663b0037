import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { Query } from '../database/index.js';

export const REQUEST_STATUSES = [
  'pending',
  'completed',
  'awaiting_confirmation',
  'denied',
  'failed',
  'expired',
] as const;
export type RequestStatus = (typeof REQUEST_STATUSES)[number];
/** How a request can end in the callback. */
export type EndStatus = Exclude<RequestStatus, 'pending' | 'expired'>;
/** How a callback can leave it: `pending` when what it brought is kept and not stored yet. */
export type CallbackStatus = Exclude<RequestStatus, 'expired'>;

/** A new request, secrets sealed. */
export interface NewRequest {
  readonly id: string;
  readonly state: string;
  readonly userId: string;
  readonly provider: string;
  readonly connection: string;
  readonly codeVerifier: Buffer;
  readonly codeChallenge: string;
  readonly nonce: Buffer;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly returnTo: string | null;
  readonly confirm: boolean;
  readonly prefill: Buffer | null;
}

/** A new request and the client that makes it. */
export type OwnedNewRequest = NewRequest & { readonly clientId: string };

/** A request that still waits for its user. */
export type OpenRequest = NewRequest & { readonly expiresAt: Date };

/** What a callback has to show for itself: the state, or nothing but cookies. */
export interface CallbackProof {
  /** Undefined where the provider does not return it. */
  readonly state: string | undefined;
  /** SHA-256 of the secrets in the browser's cookies. */
  readonly browsers: readonly Buffer[];
}

/** What may be shown of a request. */
export interface RequestView {
  readonly id: string;
  readonly clientId: string | null;
  readonly userId: string;
  readonly provider: string;
  readonly connection: string;
  readonly status: RequestStatus;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly completed_at: Date | null;
  readonly error: string | null;
}

interface RequestRow {
  id: string;
  stitch_state: string;
  user_id: string;
  provider: string;
  connection: string;
  code_verifier: Buffer;
  code_challenge: string;
  nonce: Buffer;
  redirect_uri: string;
  scope: string;
  return_to: string | null;
  confirm: boolean;
  prefill: Buffer | null;
  expires_at: Date;
}

const ROW = `id, stitch_state, user_id, provider, connection, code_verifier, code_challenge, nonce,
  redirect_uri, scope, return_to, confirm, prefill, expires_at`;

/** Pending, not taken by a callback, not expired. */
const OPEN = `status = 'pending' AND claimed_at IS NULL AND expires_at > now()`;

/**
 * A claimed request whose callback never came to an end (its process was killed) has failed: its
 * code is spent. Two minutes is longer than any callback takes.
 */
const VIEW = `id, client_id AS "clientId", user_id AS "userId", provider, connection, created_at, expires_at, completed_at,
  CASE WHEN status <> 'pending' THEN status
    WHEN claimed_at < now() - interval '2 minutes' THEN 'failed'
    WHEN claimed_at IS NULL AND expires_at <= now() THEN 'expired'
    ELSE 'pending' END AS status,
  CASE WHEN status = 'pending' AND claimed_at < now() - interval '2 minutes' THEN 'interrupted'
    ELSE error END AS error`;

/** Milliseconds that ended requests stay readable after they expired. */
const READABLE_AFTER_END_MS = 86_400_000;

/** Reads and writes of `stitch_authorization_requests`. */
@Injectable()
export class RequestStore {
  constructor(private readonly database: Database) {}

  /** @param ttl seconds. @returns when it expires, by the database's clock */
  async insert(request: OwnedNewRequest, ttl: number): Promise<Date> {
    const [row] = await this.database.query<{ expires_at: Date }>(
      `INSERT INTO stitch_authorization_requests (id, stitch_state, user_id, provider, connection,
         code_verifier, code_challenge, nonce, redirect_uri, scope, return_to, confirm, prefill,
         client_id, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
         $14, now() + $15 * interval '1 second')
       RETURNING expires_at`,
      [
        request.id,
        request.state,
        request.userId,
        request.provider,
        request.connection,
        request.codeVerifier,
        request.codeChallenge,
        request.nonce,
        request.redirectUri,
        request.scopes.join(' '),
        request.returnTo,
        request.confirm,
        request.prefill,
        request.clientId,
        ttl,
      ],
    );
    if (!row) throw new Error('an inserted request was not returned');
    return row.expires_at;
  }

  async view(id: string): Promise<RequestView | undefined> {
    const [row] = await this.database.query<RequestView>(
      `SELECT ${VIEW} FROM stitch_authorization_requests WHERE id = $1`,
      [id],
    );
    return row;
  }

  /**
   * Ties a request to the browser that starts it. Starting again, in whatever browser, unties it
   * from the one before.
   */
  async start(id: string, browser: Buffer): Promise<OpenRequest | undefined> {
    const [row] = await this.database.query<RequestRow>(
      `UPDATE stitch_authorization_requests SET browser_hash = $2, started_at = now()
       WHERE id = $1 AND ${OPEN} RETURNING ${ROW}`,
      [id, browser],
    );
    return row && toRequest(row);
  }

  /**
   * Takes a pending request for its callback: one statement, so that however often the callback
   * arrives, one caller gets it and the code is exchanged once. A request that a browser started
   * is for that browser only; without a state the browser's latest one is meant.
   */
  async claim(provider: string, proof: CallbackProof): Promise<OpenRequest | undefined> {
    const [row] = await this.database.query<RequestRow>(
      `UPDATE stitch_authorization_requests SET claimed_at = now()
       WHERE ${OPEN} AND id = (
         SELECT id FROM stitch_authorization_requests
         WHERE provider = $1 AND ${OPEN} AND CASE WHEN $2::text IS NULL
           THEN browser_hash = ANY($3::bytea[])
           ELSE stitch_state = $2 AND (browser_hash IS NULL OR browser_hash = ANY($3::bytea[])) END
         ORDER BY started_at DESC NULLS LAST LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING ${ROW}`,
      [provider, proof.state ?? null, proof.browsers],
    );
    return row && toRequest(row);
  }

  /**
   * Ends a claimed request. Pass the transaction's `query` to end it together with other writes.
   *
   * @returns false when it had ended before
   */
  async end(
    id: string,
    status: EndStatus,
    error: string | null,
    query: Query = this.database.query,
  ): Promise<boolean> {
    const rows = await query(
      `UPDATE stitch_authorization_requests SET status = $2, error = $3, completed_at = now()
       WHERE id = $1 AND status = 'pending' RETURNING 1`,
      [id, status, error],
    );
    return rows.length > 0;
  }

  /** Locks a request. @returns how it stands, or undefined when it is not kept any more */
  async lock(id: string, query: Query): Promise<Pick<RequestView, 'status' | 'error'> | undefined> {
    const [row] = await query<Pick<RequestView, 'status' | 'error'>>(
      'SELECT status, error FROM stitch_authorization_requests WHERE id = $1 FOR UPDATE',
      [id],
    );
    return row;
  }

  /**
   * Deletes requests that ended or expired a day ago, a batch at a time; not one whose grant is
   * still to be confirmed or discarded.
   *
   * @returns how many
   */
  async purge(): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM stitch_authorization_requests WHERE id IN (
         SELECT id FROM stitch_authorization_requests
         WHERE expires_at < now() - $1 * interval '1 millisecond'
           AND status <> 'awaiting_confirmation'
         ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING 1`,
      [READABLE_AFTER_END_MS],
    );
    return rows.length;
  }
}

const toRequest = (row: RequestRow): OpenRequest => ({
  id: row.id,
  state: row.stitch_state,
  userId: row.user_id,
  provider: row.provider,
  connection: row.connection,
  codeVerifier: row.code_verifier,
  codeChallenge: row.code_challenge,
  nonce: row.nonce,
  redirectUri: row.redirect_uri,
  scopes: row.scope.split(' ').filter(Boolean),
  returnTo: row.return_to,
  confirm: row.confirm,
  prefill: row.prefill,
  expiresAt: row.expires_at,
});
