import { Injectable } from '@nestjs/common';
import type { Query } from '../database/index.js';
import { EventLogStore } from '../events/index.js';
import { lockName } from './grant-sql.js';
import type { GrantKey } from './grant.js';

/** A consent whose tokens were obtained earlier than they are stored. */
export interface EarlierConsent extends GrantKey {
  readonly grantId: string;
  /** Milliseconds since the epoch, database clock. */
  readonly obtainedAt: number;
}

/** What happened to a name since a consent to it. All of this runs in transactions of the callers. */
@Injectable()
export class ConsentHistory {
  constructor(private readonly events: EventLogStore) {}

  /** Whether the consent was stored, whatever has become of its tokens since. */
  async stored(query: Query, { grantId, ...key }: EarlierConsent): Promise<boolean> {
    const rows = await query(
      `SELECT 1 FROM stitch_grants
       WHERE provider = $2 AND user_id = $3 AND connection = $4 AND grant_id = $1
       UNION ALL SELECT 1 FROM stitch_unconfirmed_grants WHERE grant_id = $1`,
      [grantId, key.provider, key.userId, key.connection],
    );
    return rows.length > 0;
  }

  /** Whom the provider knows the user of the name's grant by; null where it did not say. */
  async subjectOf(
    query: Query,
    { provider, userId, connection }: GrantKey,
  ): Promise<string | null> {
    const [row] = await query<{ subject: string | null }>(
      `SELECT subject FROM stitch_grants
       WHERE provider = $1 AND user_id = $2 AND connection = $3`,
      [provider, userId, connection],
    );
    return row?.subject ?? null;
  }

  /** Whether a later consent has taken the name, or it was deleted. Takes the lock of the name. */
  async overtakenOrDeleted(query: Query, consent: EarlierConsent): Promise<boolean> {
    if (await this.overtaken(query, consent)) return true;
    return this.events.toldSince(query, 'grant.deleted', consent, consent.obtainedAt);
  }

  /**
   * Whether a later consent, or another way to a token (an account, an import), has taken the name,
   * or waits to be confirmed; a deletion since then is known from its event. Takes the lock of the
   * name, and so waits for whoever works with that name.
   */
  async overtaken(query: Query, consent: EarlierConsent): Promise<boolean> {
    await lockName(query, consent);
    const { provider, userId, connection, obtainedAt } = consent;
    if (await this.events.toldSince(query, 'grant.linked', consent, obtainedAt)) return true;
    const rows = await query(
      `SELECT 1 FROM stitch_grants
       WHERE provider = $1 AND user_id = $2 AND connection = $3
         AND status = 'awaiting_confirmation' AND obtained_at > to_timestamp($4 / 1000.0)
       UNION ALL SELECT 1 FROM stitch_unconfirmed_grants
       WHERE provider = $1 AND user_id = $2 AND connection = $3
         AND obtained_at > to_timestamp($4 / 1000.0)`,
      [provider, userId, connection, obtainedAt],
    );
    return rows.length > 0;
  }
}
