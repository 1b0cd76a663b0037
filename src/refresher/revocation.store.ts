import { Injectable } from '@nestjs/common';
import { Database, keyIdOf } from '../database/index.js';
import type { Query, RowOf, SealedTable } from '../database/index.js';
import { RevocationOutbox, contextOfRow } from '../grants/index.js';
import type { RevocableToken } from '../grants/index.js';
import { REVOCATION_ROWS } from './revocation.entity.js';

const ADDED = REVOCATION_ROWS.only('provider', 'userId', 'connection', 'refreshToken', 'subject');
const CLAIMED = REVOCATION_ROWS.only(
  'id',
  'provider',
  'userId',
  'connection',
  'refreshToken',
  'attempts',
  'subject',
);

/** A refresh token on its way to being revoked. */
export type Revocation = RowOf<typeof CLAIMED>;

/** The table of this store, for the keyring check. */
export const REVOCATION_TABLE: SealedTable = {
  table: 'stitch_revocations',
  key: [{ column: 'id', type: 'bigint' }],
  columns: ['refresh_token'],
  names: ['provider', 'user_id', 'connection'],
  context: contextOfRow,
};

/** The outbox of tokens to revoke. Rows leave it when the provider has confirmed. */
@Injectable()
export class RevocationStore extends RevocationOutbox {
  constructor(private readonly database: Database) {
    super();
  }

  override async add(query: Query, tokens: readonly RevocableToken[]): Promise<void> {
    const added = tokens.flatMap(({ refreshToken, subject, ...key }) =>
      refreshToken === null ? [] : [{ ...key, refreshToken, subject: subject ?? null }],
    );
    if (added.length === 0) return;
    await query(
      `INSERT INTO stitch_revocations (${ADDED.names})
       SELECT * FROM unnest(${ADDED.arrayParameters})`,
      ADDED.arrays(added),
    );
  }

  /**
   * Takes what is due, for so many milliseconds: after that it is due again.
   *
   * @param keys ids of those that this replica can open; others are left to who can
   */
  claim(limit: number, lease: number, keys: readonly string[]): Promise<Revocation[]> {
    return this.database.query<Revocation>(
      `UPDATE stitch_revocations r
       SET due_at = now() + $2 * interval '1 millisecond', attempts = r.attempts + 1
       FROM (SELECT id FROM stitch_revocations
             WHERE due_at <= now() AND ${keyIdOf('refresh_token')} = ANY($3::text[])
             ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) due
       WHERE r.id = due.id
       RETURNING ${CLAIMED.selected('r')}`,
      [limit, lease, keys],
    );
  }

  /** Has all be due now. */
  async hurry(): Promise<void> {
    await this.database.query('UPDATE stitch_revocations SET due_at = now() WHERE due_at > now()');
  }

  async done(id: string): Promise<void> {
    await this.database.query('DELETE FROM stitch_revocations WHERE id = $1', [id]);
  }

  /** @param retryIn milliseconds */
  async failed(id: string, error: string, retryIn: number): Promise<void> {
    await this.database.query(
      `UPDATE stitch_revocations SET last_error = $2, due_at = now() + $3 * interval '1 millisecond'
       WHERE id = $1`,
      [id, error, retryIn],
    );
  }

  /** How many wait, and for how many seconds the oldest has. */
  async backlog(): Promise<{ count: number; age: number }> {
    const [row] = await this.database.query<{ count: number; age: number | null }>(
      `SELECT count(*)::int AS count, extract(epoch FROM now() - min(created_at))::numeric AS age
       FROM stitch_revocations`,
    );
    return { count: row?.count ?? 0, age: row?.age ?? 0 };
  }
}
