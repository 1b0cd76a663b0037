import type { Query } from '../database/index.js';
import type { GrantKey } from './grant.js';
import { CONSENTED_ROWS } from './new-grant.js';

/**
 * Serialises consents, confirmations and deletions of one name until the transaction ends, also
 * when there is no row yet that could be locked.
 */
export async function lockName(query: Query, key: GrantKey): Promise<void> {
  await query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
    JSON.stringify([key.provider, key.userId, key.connection]),
  ]);
}

/** The columns of the table alias `g` that a {@link RevocableToken} needs. */
export const REVOCABLE = CONSENTED_ROWS.only(
  'provider',
  'userId',
  'connection',
  'refreshToken',
  'subject',
).selected('g');

/**
 * What a new consent writes over the grant of its name (alias `g`). The version goes on counting;
 * where it grows a trigger ends what else was known of the token before.
 */
export const REPLACED = `${CONSENTED_ROWS.excluded(['provider', 'user_id', 'connection'])},
  status = EXCLUDED.status, reason = NULL, version = g.version + 1, rejected_version = NULL,
  lease_owner = NULL, lease_expires_at = NULL, rotation_started_at = NULL, failure_count = 0,
  last_error = NULL`;

/*
 * Parts of statements that write many rows at once. A row that somebody has locked (an operator's
 * open transaction, say) must not hold up the others, nor keep those locked that come before it.
 */

/** The rows that `r` names and nobody else has locked, locked. */
export const UNLOCKED = `
  SELECT g.provider, g.user_id, g.connection FROM stitch_grants g
  JOIN r USING (provider, user_id, connection) FOR UPDATE OF g SKIP LOCKED`;

/**
 * The rows that `r` names and `unlocked` lacks. Where it lacks none, which is nearly always so, they are
 * not looked up once more.
 */
export const LOCKED = `
  SELECT g.provider, g.user_id, g.connection FROM stitch_grants g
  JOIN r USING (provider, user_id, connection)
  WHERE (SELECT count(*) FROM unlocked) < (SELECT count(*) FROM r)
    AND NOT EXISTS (SELECT FROM unlocked u WHERE u.provider = g.provider
    AND u.user_id = g.user_id AND u.connection = g.connection)`;
