import type { Query } from '../database/index.js';
import type { GrantKey } from './grant.js';

/**
 * Makes consents, confirmations and deletions of one name come one after the other, until the
 * transaction ends; also when there is no row yet that could be locked.
 */
export async function lockName(query: Query, key: GrantKey): Promise<void> {
  await query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
    JSON.stringify([key.provider, key.userId, key.connection]),
  ]);
}

/**
 * A statement that deletes grants, of the table alias `g`, and puts their refresh tokens down to
 * be revoked. Returns a row for each.
 */
export const revoking = (deletion: string): string => `
  WITH gone AS (${deletion} RETURNING g.provider, g.user_id, g.connection, g.refresh_token),
  outbox AS (
    INSERT INTO stitch_revocations (provider, user_id, connection, refresh_token)
    SELECT * FROM gone WHERE refresh_token IS NOT NULL)
  SELECT 1 FROM gone`;
