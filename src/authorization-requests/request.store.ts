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
  /** SHA-256 of the secrets in the cookies with which the browser began requests. */
  readonly browsers: readonly Buffer[];
  /** Whether only a browser that began it may end it. */
  readonly sameBrowser: boolean;
  /** What tells the provider's answer from any other; null where nothing does. */
  readonly answerHash: Buffer | null;
  /** SHA-256 of the secret that this visit's browser is to be known by afterwards. */
  readonly visitor: Buffer;
}

/** A request that was started, for the browser that did. */
export type StartedRequest = OpenRequest & { readonly firstBrowser: boolean };

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
  readonly refreshable: boolean | null;
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
export const STATUS = `CASE WHEN status <> 'pending' THEN status
    WHEN claimed_at < now() - interval '2 minutes' THEN 'failed'
    WHEN claimed_at IS NULL AND expires_at <= now() THEN 'expired'
    ELSE 'pending' END`;

const VIEW = `id, client_id AS "clientId", user_id AS "userId", provider, connection, created_at,
  expires_at, completed_at, refreshable, ${STATUS} AS status,
  CASE WHEN status = 'pending' AND claimed_at < now() - interval '2 minutes' THEN 'interrupted'
    ELSE error END AS error`;

/** Browsers that may begin one request: a person's few, and what looks at links on the way. */
const MOST_BROWSERS = 50;
/** SQLSTATE of a value that is there already. */
const UNIQUE_VIOLATION = '23505';

/**
 * Parameters: provider, state, cookies, whether one of them is needed, hash of the answer, hash of
 * the cookie to be set. `browser_hash` is what a replica of the version before leaves.
 */
const CLAIM = `
  WITH mine AS (
    SELECT request_id, max(started_at) AS started_at FROM (
      SELECT request_id, started_at FROM stitch_authorization_browsers
      WHERE browser_hash = ANY($3::bytea[])
      UNION ALL
      SELECT id, started_at FROM stitch_authorization_requests
      WHERE browser_hash = ANY($3::bytea[])) AS begun
    GROUP BY request_id)
  UPDATE stitch_authorization_requests
  SET claimed_at = now(), answer_hash = $5, visitor_hashes = $3::bytea[] || $6::bytea
  WHERE ${OPEN} AND id = (
    SELECT r.id FROM stitch_authorization_requests r LEFT JOIN mine ON mine.request_id = r.id
    WHERE r.provider = $1 AND ${OPEN} AND CASE WHEN $2::text IS NULL
      THEN mine.request_id IS NOT NULL
      ELSE r.stitch_state = $2
        AND (mine.request_id IS NOT NULL OR (r.browser_hash IS NULL AND NOT $4::boolean)) END
    ORDER BY mine.started_at DESC NULLS LAST LIMIT 1 FOR UPDATE OF r)
  RETURNING ${ROW}`;

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

  /** The latest requests of a user, newest first. */
  viewOfUser(userId: string, limit: number): Promise<RequestView[]> {
    return this.database.query<RequestView>(
      `SELECT ${VIEW} FROM stitch_authorization_requests WHERE user_id = $1
       ORDER BY created_at DESC, id LIMIT $2`,
      [userId, limit],
    );
  }

  /**
   * Ties a request to a browser that starts it, beside those that did before: whoever opens the
   * start page in between, a mail scanner for one, ends nothing that the user has begun.
   *
   * @returns undefined as well when too many browsers began it
   */
  async start(id: string, browser: Buffer): Promise<StartedRequest | undefined> {
    return this.database.transaction(async (query) => {
      const [row] = await query<RequestRow>(
        `UPDATE stitch_authorization_requests SET browser_hash = $2, started_at = now()
         WHERE id = $1 AND ${OPEN} AND (SELECT count(*) FROM stitch_authorization_browsers
           WHERE request_id = $1 AND browser_hash <> $2) < $3 RETURNING ${ROW}`,
        [id, browser, MOST_BROWSERS],
      );
      if (!row) return undefined;
      const [begun] = await query<{ first: boolean }>(
        `INSERT INTO stitch_authorization_browsers AS b (browser_hash, request_id, first)
         SELECT $2, $1, NOT EXISTS (SELECT 1 FROM stitch_authorization_browsers WHERE request_id = $1)
         ON CONFLICT (browser_hash) DO UPDATE SET started_at = now() RETURNING b.first`,
        [id, browser],
      );
      return { ...toRequest(row), firstBrowser: begun?.first === true };
    });
  }

  /**
   * Takes a pending request for its callback: one statement, so that however often the callback
   * arrives, one caller gets it and the code is exchanged once. A request that browsers started
   * is for those only; without a state the browser's latest one is meant.
   *
   * @returns undefined as well when this very answer was taken before
   */
  async claim(provider: string, proof: CallbackProof): Promise<OpenRequest | undefined> {
    const [row] = await this.takeOpen([
      provider,
      proof.state ?? null,
      proof.browsers,
      proof.sameBrowser,
      proof.answerHash,
      proof.visitor,
    ]);
    return row && toRequest(row);
  }

  private async takeOpen(parameters: unknown[]): Promise<RequestRow[]> {
    try {
      return await this.database.query<RequestRow>(CLAIM, parameters);
    } catch (error) {
      // Another request of the same browser has taken this answer.
      if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) return [];
      throw error;
    }
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
    about: { readonly httpStatus?: number; readonly refreshable?: boolean } = {},
  ): Promise<boolean> {
    const rows = await query(
      `UPDATE stitch_authorization_requests SET status = $2, error = $3, completed_at = now(),
         http_status = $4, refreshable = $5
       WHERE id = $1 AND status = 'pending' RETURNING 1`,
      [id, status, error, about.httpStatus ?? null, about.refreshable ?? null],
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
