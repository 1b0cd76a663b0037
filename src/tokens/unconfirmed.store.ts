import { Injectable } from '@nestjs/common';
import type { Query } from '../database/index.js';
import { lockName, revoking } from './grant-sql.js';
import type { GrantKey } from './grant.js';
import { GrantStore } from './grant.store.js';
import type { NewGrant } from './grant.store.js';

/** A consent that waits for its confirmation: its grant's name, and the request it came from. */
export interface UnconfirmedGrant extends GrantKey {
  readonly id: string;
}

interface UnconfirmedRow {
  access_token: Buffer;
  refresh_token: Buffer | null;
  scope: string;
  subject: string | null;
  stitch_account_id: string | null;
  obtained_at: Date;
  expires_at: Date | null;
  refresh_due_at: Date | null;
}

const AWAITS = `g.status = 'awaiting_confirmation'`;

/** At most 1000 rows of a table that are old and that no request can lead to any more. */
const discardOrphans = (table: string, condition: string) =>
  revoking(`DELETE FROM ${table} g WHERE g.ctid = ANY (ARRAY(
    SELECT o.ctid FROM ${table} o
    WHERE ${condition} AND o.obtained_at < now() - $1 * interval '1 millisecond'
      AND NOT EXISTS (SELECT 1 FROM stitch_authorization_requests r
        WHERE r.id = o.grant_id AND r.status = 'awaiting_confirmation')
    ORDER BY o.obtained_at LIMIT 1000 FOR UPDATE OF o SKIP LOCKED))`);

/**
 * Grants that nobody has confirmed yet. Where their name is free they are rows of `stitch_grants`
 * that nobody can read; where a grant has it already, that one goes on working and they wait in
 * `stitch_unconfirmed_grants`. All of this runs in transactions of the callers.
 *
 * The lock of the name comes before those of rows, as in a deletion; what takes rows without it,
 * the discarding of what is old, takes those of its own locked requests or skips locked ones.
 */
@Injectable()
export class UnconfirmedStore {
  constructor(private readonly grants: GrantStore) {}

  /** Stores what a consent brought that is to be confirmed; leaves a grant in use alone. */
  async put(query: Query, grant: NewGrant): Promise<void> {
    if (await this.grants.link(query, { ...grant, status: 'awaiting_confirmation' })) return;
    await query(
      `INSERT INTO stitch_unconfirmed_grants (grant_id, provider, user_id, connection,
         access_token, refresh_token, scope, subject, stitch_account_id, obtained_at, expires_at,
         refresh_due_at)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, to_timestamp($10 / 1000.0),
         to_timestamp($11 / 1000.0), to_timestamp($12 / 1000.0)
       WHERE NOT EXISTS (SELECT 1 FROM stitch_grants
         WHERE provider = $2 AND user_id = $3 AND connection = $4 AND grant_id = $1)
       ON CONFLICT (grant_id) DO NOTHING`,
      [
        grant.grantId,
        grant.provider,
        grant.userId,
        grant.connection,
        grant.accessToken,
        grant.refreshToken,
        grant.scopes.join(' '),
        grant.subject,
        grant.accountId,
        grant.obtainedAt,
        grant.expiresAt,
        grant.refreshDueAt,
      ],
    );
  }

  /**
   * Makes a consent the grant of its name: readable if it was not, in place of another if there is
   * one, which is revoked then.
   *
   * @returns whether it was still there
   */
  async confirm(query: Query, { id, ...key }: UnconfirmedGrant): Promise<boolean> {
    await lockName(query, key);
    const name = [id, key.provider, key.userId, key.connection];
    const here = await query(
      `UPDATE stitch_grants g SET status = 'active',
         -- The schedule had no use for it until now.
         refresh_due_at = coalesce(refresh_due_at, CASE WHEN expires_at IS NOT NULL THEN now() END)
       WHERE g.grant_id = $1 AND g.provider = $2 AND g.user_id = $3 AND g.connection = $4
         AND ${AWAITS} RETURNING 1`,
      name,
    );
    if (here.length > 0) return true;
    const [row] = await query<UnconfirmedRow>(
      `DELETE FROM stitch_unconfirmed_grants g WHERE g.grant_id = $1
         AND g.provider = $2 AND g.user_id = $3 AND g.connection = $4
       RETURNING g.access_token, g.refresh_token, g.scope, g.subject, g.stitch_account_id,
         g.obtained_at, g.expires_at, g.refresh_due_at`,
      name,
    );
    // Its due time may have passed while it waited: then it is due at once.
    return row !== undefined && this.grants.link(query, toNewGrant(row, id, key));
  }

  /** Forgets consents that were not confirmed, wherever they wait, and has them revoked. */
  async discard(query: Query, discarded: readonly UnconfirmedGrant[]): Promise<void> {
    const ids = discarded.map(({ id }) => id);
    await query(
      revoking(`DELETE FROM stitch_grants g
        USING unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
          AS k(grant_id, provider, user_id, connection)
        WHERE g.provider = k.provider AND g.user_id = k.user_id AND g.connection = k.connection
          AND g.grant_id = k.grant_id AND ${AWAITS}`),
      [
        ids,
        discarded.map(({ provider }) => provider),
        discarded.map(({ userId }) => userId),
        discarded.map(({ connection }) => connection),
      ],
    );
    await query(
      revoking('DELETE FROM stitch_unconfirmed_grants g WHERE g.grant_id = ANY($1::uuid[])'),
      [ids],
    );
  }

  /**
   * Discards what is older than so many milliseconds and belongs to no request that could still be
   * confirmed. A confirmation on its way is seen as one thing: before it the request awaits it,
   * after it the grant does not any more.
   *
   * @returns how many
   */
  async discardOrphans(query: Query, age: number): Promise<number> {
    const here = await query(
      discardOrphans('stitch_grants', `o.status = 'awaiting_confirmation'`),
      [age],
    );
    const aside = await query(discardOrphans('stitch_unconfirmed_grants', 'true'), [age]);
    return here.length + aside.length;
  }
}

const toNewGrant = (row: UnconfirmedRow, grantId: string, key: GrantKey): NewGrant => ({
  ...key,
  grantId,
  status: 'active',
  accessToken: row.access_token,
  refreshToken: row.refresh_token,
  scopes: row.scope.split(' ').filter(Boolean),
  subject: row.subject,
  accountId: row.stitch_account_id === null ? null : Number(row.stitch_account_id),
  obtainedAt: row.obtained_at.getTime(),
  expiresAt: row.expires_at?.getTime() ?? null,
  refreshDueAt: row.refresh_due_at?.getTime() ?? null,
});
