import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { Query, SealedTable } from '../database/index.js';
import { RevocationOutbox, contextOfRow } from '../grants/index.js';
import type { GrantKey, RevocableToken } from '../grants/index.js';

/** A refresh token on its way to being revoked. */
export interface Revocation extends GrantKey {
  readonly id: string;
  readonly refreshToken: Buffer;
  readonly attempts: number;
  /** Whom the provider knows the user as; null: not known. */
  readonly subject: string | null;
}

/** The table of this store, for the keyring check. */
export const REVOCATION_TABLE: SealedTable = {
  table: 'stitch_revocations',
  key: [{ column: 'id', type: 'bigint' }],
  columns: ['refresh_token'],
  names: ['provider', 'user_id', 'connection'],
  context: contextOfRow,
};

interface RevocationRow {
  id: string;
  provider: string;
  user_id: string;
  connection: string;
  refresh_token: Buffer;
  attempts: number;
  subject: string | null;
}

/** The outbox of tokens to revoke. Rows leave it when the provider has confirmed. */
@Injectable()
export class RevocationStore extends RevocationOutbox {
  constructor(private readonly database: Database) {
    super();
  }

  override async add(query: Query, tokens: readonly RevocableToken[]): Promise<void> {
    const revocable = tokens.filter(({ refreshToken }) => refreshToken !== null);
    if (revocable.length === 0) return;
    await query(
      `INSERT INTO stitch_revocations (provider, user_id, connection, refresh_token, subject)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[])`,
      [
        revocable.map(({ provider }) => provider),
        revocable.map(({ userId }) => userId),
        revocable.map(({ connection }) => connection),
        revocable.map(({ refreshToken }) => refreshToken),
        revocable.map(({ subject }) => subject ?? null),
      ],
    );
  }

  /** Takes what is due, for so many milliseconds: after that it is due again. */
  async claim(limit: number, lease: number): Promise<Revocation[]> {
    const rows = await this.database.query<RevocationRow>(
      `UPDATE stitch_revocations r
       SET due_at = now() + $2 * interval '1 millisecond', attempts = r.attempts + 1
       FROM (SELECT id FROM stitch_revocations WHERE due_at <= now()
             ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) due
       WHERE r.id = due.id
       RETURNING r.id, r.provider, r.user_id, r.connection, r.refresh_token, r.attempts,
         r.subject`,
      [limit, lease],
    );
    return rows.map(({ user_id, refresh_token, ...row }) => ({
      ...row,
      userId: user_id,
      refreshToken: refresh_token,
    }));
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
