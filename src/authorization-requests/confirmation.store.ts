import { Injectable } from '@nestjs/common';
import type { Query, RowOf } from '../database/index.js';
import { REQUEST_ROWS } from './authorization-request.entity.js';
import type { EndStatus } from './request-status.js';

const LOCKED = REQUEST_ROWS.only(
  'id',
  'clientId',
  'status',
  'confirm',
  'provider',
  'userId',
  'connection',
);

/** What a confirmation needs to know of a request. */
export type LockedRequest = RowOf<typeof LOCKED>;

/** What happens to requests after their callback, in transactions of the callers. */
@Injectable()
export class ConfirmationStore {
  /** Locks a request that awaits confirmation, or has been confirmed, until the transaction ends. */
  async lock(query: Query, id: string): Promise<LockedRequest | undefined> {
    const [row] = await query<LockedRequest>(
      `SELECT ${LOCKED.selected('r')} FROM stitch_authorization_requests r WHERE id = $1 FOR UPDATE`,
      [id],
    );
    return row;
  }

  /**
   * Locks a batch of requests that have awaited confirmation for so many milliseconds, those that
   * nobody is confirming at this moment.
   */
  lockUnconfirmed(query: Query, age: number): Promise<LockedRequest[]> {
    return query<LockedRequest>(
      `SELECT ${LOCKED.selected('r')} FROM stitch_authorization_requests r
       WHERE status = 'awaiting_confirmation'
         AND completed_at < now() - $1 * interval '1 millisecond'
       ORDER BY completed_at LIMIT 1000 FOR UPDATE SKIP LOCKED`,
      [age],
    );
  }

  /** Ends requests that awaited confirmation. */
  async settle(
    query: Query,
    ids: readonly string[],
    status: EndStatus,
    error: string | null,
  ): Promise<void> {
    await query(
      `UPDATE stitch_authorization_requests
       SET status = $2, error = $3, completed_at = now() WHERE id = ANY($1::uuid[])`,
      [ids, status, error],
    );
  }
}
