import { Injectable } from '@nestjs/common';
import type { ConsentedRequests } from '../consents/index.js';
import { Database } from '../database/index.js';
import type { Query, RowOf } from '../database/index.js';
import { REQUEST_ROWS } from './authorization-request.entity.js';
import { STATUS } from './request-status.js';
import type { EndStatus, RequestStatus } from './request-status.js';

const MADE = [
  'id',
  'state',
  'userId',
  'provider',
  'connection',
  'codeVerifier',
  'codeChallenge',
  'nonce',
  'redirectUri',
  'scopes',
  'returnTo',
  'confirm',
  'prefill',
  'clientId',
] as const;

const NEW_ROWS = REQUEST_ROWS.only(...MADE);
/** A new request, secrets sealed. */
export type NewRequest = RowOf<typeof NEW_ROWS>;

export const OPEN_ROWS = REQUEST_ROWS.only(...MADE, 'expiresAt');
/** A request that still waits for its user. */
export type OpenRequest = RowOf<typeof OPEN_ROWS>;

const VIEWED = REQUEST_ROWS.only(
  'id',
  'clientId',
  'userId',
  'provider',
  'connection',
  'createdAt',
  'expiresAt',
  'completedAt',
  'refreshable',
);

/** What may be shown of a request. */
export interface RequestView extends RowOf<typeof VIEWED> {
  readonly status: RequestStatus;
  readonly error: string | null;
}

const VIEW = `SELECT ${VIEWED.selected('r')}, ${STATUS} AS status,
    CASE WHEN status = 'pending' AND claimed_at < now() - interval '2 minutes' THEN 'interrupted'
      ELSE error END AS error
  FROM stitch_authorization_requests r`;

/** Milliseconds that ended requests stay readable after they expired. */
const READABLE_AFTER_END_MS = 86_400_000;

/** Reads and writes of `stitch_authorization_requests`. */
@Injectable()
export class RequestStore implements ConsentedRequests {
  constructor(private readonly database: Database) {}

  /** @returns when it expires, by the database's clock */
  async insert(request: NewRequest, ttlSeconds: number): Promise<Date> {
    const [row] = await this.database.query<Pick<OpenRequest, 'expiresAt'>>(
      `INSERT INTO stitch_authorization_requests (${NEW_ROWS.names}, expires_at)
       VALUES (${NEW_ROWS.parameters}, now() + $${NEW_ROWS.count + 1} * interval '1 second')
       RETURNING expires_at AS "expiresAt"`,
      [...NEW_ROWS.values(request), ttlSeconds],
    );
    if (!row) throw new Error('an inserted request was not returned');
    return row.expiresAt;
  }

  async view(id: string): Promise<RequestView | undefined> {
    const [row] = await this.database.query<RequestView>(`${VIEW} WHERE id = $1`, [id]);
    return row;
  }

  /** The latest requests of a user, newest first. */
  viewOfUser(userId: string, limit: number): Promise<RequestView[]> {
    return this.database.query<RequestView>(
      `${VIEW} WHERE user_id = $1
       ORDER BY created_at DESC, id LIMIT $2`,
      [userId, limit],
    );
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
