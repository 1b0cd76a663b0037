import { Injectable } from '@nestjs/common';
import { keyUnavailable } from '../common/index.js';
import type { Query } from '../database/index.js';
import { EncryptionError, isUnknownKey } from '../encryption/index.js';
import { REVOCABLE, lockName } from './grant-sql.js';
import type { GrantKey } from './grant.js';
import { GrantStore } from './grant.store.js';
import { CONSENTED_ROWS } from './new-grant.js';
import type { Consented, NewGrant } from './new-grant.js';
import { PendingConsents } from './pending-consents.js';
import { RevocationOutbox } from './revocation-outbox.js';
import type { RevocableToken } from './revocation-outbox.js';
import { TokenSealer, consentOf } from './token-sealer.js';

/** A consent that waits for its confirmation: its grant's name, and the request it came from. */
export interface UnconfirmedGrant extends GrantKey {
  readonly id: string;
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
 * The lock of the name comes before those of rows, as in a deletion. Discarding what is old takes
 * rows without that lock: it takes those of requests that it has locked itself, or skips locked
 * ones.
 */
@Injectable()
export class UnconfirmedStore {
  constructor(
    private readonly grants: GrantStore,
    private readonly revocations: RevocationOutbox,
    private readonly pendingConsents: PendingConsents,
    private readonly sealer: TokenSealer,
  ) {}

  /** Stores what a consent brought that is to be confirmed; leaves a grant in use alone. */
  async put(query: Query, grant: NewGrant): Promise<void> {
    if (await this.grants.link(query, { ...grant, status: 'awaiting_confirmation' })) return;
    await query(
      `INSERT INTO stitch_unconfirmed_grants (${CONSENTED_ROWS.names})
       SELECT r.* FROM (VALUES (${CONSENTED_ROWS.parameters})) AS r(${CONSENTED_ROWS.names})
       WHERE NOT EXISTS (SELECT 1 FROM stitch_grants g WHERE g.provider = r.provider
         AND g.user_id = r.user_id AND g.connection = r.connection AND g.grant_id = r.grant_id)
       ON CONFLICT (grant_id) DO NOTHING`,
      CONSENTED_ROWS.values(grant),
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
    const [waiting] = await query<Consented>(
      `SELECT ${CONSENTED_ROWS.selected('g')} FROM stitch_grants g
       WHERE g.grant_id = $1 AND g.provider = $2 AND g.user_id = $3 AND g.connection = $4
         AND ${AWAITS} FOR UPDATE`,
      name,
    );
    if (waiting) {
      await query(
        `UPDATE stitch_grants g SET status = 'active', access_token = $5,
         -- The schedule had no use for it until now.
         refresh_due_at = coalesce(refresh_due_at, CASE WHEN expires_at IS NOT NULL THEN now() END)
       WHERE g.grant_id = $1 AND g.provider = $2 AND g.user_id = $3 AND g.connection = $4
         AND ${AWAITS}`,
        [...name, this.confirmed(CONSENTED_ROWS.read(waiting)).accessToken],
      );
      return true;
    }
    const [row] = await query<Consented>(
      `DELETE FROM stitch_unconfirmed_grants g WHERE g.grant_id = $1
         AND g.provider = $2 AND g.user_id = $3 AND g.connection = $4
       RETURNING ${CONSENTED_ROWS.selected('g')}`,
      name,
    );
    // Its due time may have passed while it waited: then it is due at once.
    if (!row) return false;
    return this.grants.link(query, {
      ...this.confirmed(CONSENTED_ROWS.read(row)),
      status: 'active',
    });
  }

  /**
   * The consent with its access token sealed as that of a confirmed one. What somebody has altered
   * stays as it is: it is refused when it is read.
   *
   * @throws VaultError 503 `key_unavailable`
   */
  private confirmed(consent: Consented): Consented {
    const awaiting = { ...consent, status: 'awaiting_confirmation' } as const;
    try {
      if (this.sealer.isOfAnother(consent.accessToken, 'access_token', awaiting)) return consent;
      const token = this.sealer.open(consent.accessToken, 'access_token', consent);
      const terms = consentOf({ ...consent, status: 'active' });
      return { ...consent, accessToken: this.sealer.seal(token, 'access_token', consent, terms) };
    } catch (error) {
      if (isUnknownKey(error)) throw keyUnavailable(error);
      if (error instanceof EncryptionError) return consent;
      throw error;
    }
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
   * confirmed. The grants are locked before their requests are looked at. A confirmation under way
   * may have its grant already: then the grant awaits nothing any more. Or it waits for this lock:
   * then its request is still seen to be open.
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
