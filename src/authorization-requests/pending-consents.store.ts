import { Injectable } from '@nestjs/common';
import type { Query } from '../database/index.js';
import { PendingConsents } from '../grants/index.js';
import type { GrantKey } from '../grants/index.js';

/** What grants may do to authorization requests. */
@Injectable()
export class PendingConsentsStore extends PendingConsents {
  override async end(query: Query, key: GrantKey): Promise<void> {
    await query(
      `UPDATE stitch_authorization_requests SET status = 'failed', error = 'deleted',
         completed_at = now()
       WHERE id IN (SELECT id FROM stitch_authorization_requests
         WHERE provider = $1 AND user_id = $2 AND connection = $3
           AND status = 'pending' AND claimed_at IS NOT NULL ORDER BY id FOR UPDATE)`,
      [key.provider, key.userId, key.connection],
    );
  }

  /** Reads the whole table: it holds the requests of a day, and users are erased rarely. */
  override async endAll(query: Query, userId: string): Promise<number> {
    const rows = await query(
      `UPDATE stitch_authorization_requests SET status = 'failed', error = 'deleted',
         completed_at = now()
       WHERE id IN (SELECT id FROM stitch_authorization_requests
         WHERE user_id = $1 AND status IN ('pending', 'awaiting_confirmation')
         ORDER BY id FOR UPDATE) RETURNING 1`,
      [userId],
    );
    return rows.length;
  }

  override async confirmable(
    query: Query,
    requestIds: readonly string[],
  ): Promise<ReadonlySet<string>> {
    const rows = await query<{ id: string }>(
      `SELECT id FROM stitch_authorization_requests
       WHERE id = ANY($1::uuid[]) AND status = 'awaiting_confirmation'`,
      [requestIds],
    );
    return new Set(rows.map(({ id }) => id));
  }
}
