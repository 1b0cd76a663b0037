import { Injectable } from '@nestjs/common';
import type { Query } from '../database/index.js';
import { REVOCABLE, lockName } from './grant-sql.js';
import type { GrantKey } from './grant.js';
import { GrantStore } from './grant.store.js';
import type { NewGrant } from './grant.store.js';
import { PendingConsents } from './pending-consents.js';
import { RevocationOutbox } from './revocation-outbox.js';
import type { RevocableToken } from './revocation-outbox.js';

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

/** Locks at most 1000 unconfirmed grants of a table that are old. */
const lockOld = (table: string, condition: string) => `
  SELECT g.grant_id AS id, g.provider, g.user_id AS "userId", g.connection FROM ${table} g
  WHERE ${condition} AND g.obtained_at < now() - $1 * interval '1 millisecond'
  ORDER BY g.obtained_at LIMIT 1000 FOR UPDATE SKIP LOCKED`;

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
  constructor(
    private readonly grants: GrantStore,
    private readonly revocations: RevocationOutbox,
    private readonly pendingConsents: PendingConsents,
  ) {}

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
    const here = await query<RevocableToken>(
      `DELETE FROM stitch_grants g
       USING unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
         AS k(grant_id, provider, user_id, connection)
       WHERE g.provider = k.provider AND g.user_id = k.user_id AND g.connection = k.connection
         AND g.grant_id = k.grant_id AND ${AWAITS} RETURNING ${REVOCABLE}`,
      [
        ids,
        discarded.map(({ provider }) => provider),
        discarded.map(({ userId }) => userId),
        discarded.map(({ connection }) => connection),
      ],
    );
    const aside = await query<RevocableToken>(
      `DELETE FROM stitch_unconfirmed_grants g WHERE g.grant_id = ANY($1::uuid[])
       RETURNING ${REVOCABLE}`,
      [ids],
    );
    await this.revocations.add(query, [...here, ...aside]);
  }

  /**
   * Discards what is older than so many milliseconds and belongs to no request that could still be
   * confirmed. The grants are locked before their requests are looked at: a confirmation under way
   * either has its grant already, which then awaits nothing any more, or waits for this lock, and
   * its request is still seen to be open.
   *
   * @returns how many
   */
  async discardOrphans(query: Query, ageMs: number): Promise<number> {
    const old = [
      ...(await query<UnconfirmedGrant>(lockOld('stitch_grants', AWAITS), [ageMs])),
      ...(await query<UnconfirmedGrant>(lockOld('stitch_unconfirmed_grants', 'true'), [ageMs])),
    ];
    if (old.length === 0) return 0;
    const ids = old.map(({ id }) => id);
    const confirmable = await this.pendingConsents.confirmable(query, ids);
    const orphans = old.filter(({ id }) => !confirmable.has(id));
    await this.discard(query, orphans);
    return orphans.length;
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
