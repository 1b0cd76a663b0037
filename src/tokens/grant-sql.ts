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

/** Puts a refresh token down to be revoked, if there is one. */
export async function revokeLater(
  query: Query,
  { provider, userId, connection }: GrantKey,
  refreshToken: Buffer | null,
): Promise<void> {
  if (refreshToken === null) return;
  await query(
    `INSERT INTO stitch_revocations (provider, user_id, connection, refresh_token)
     VALUES ($1, $2, $3, $4)`,
    [provider, userId, connection, refreshToken],
  );
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

/*
 * Parts of statements that write many rows at once. A row that somebody has locked (an operator's
 * open transaction, say) must not hold up the others, nor keep those locked that come before it.
 */

/** The rows that `r` names and nobody else has locked, locked. */
export const UNLOCKED = `
  SELECT g.provider, g.user_id, g.connection FROM stitch_grants g
  JOIN r USING (provider, user_id, connection) FOR UPDATE OF g SKIP LOCKED`;

/** The rows that `r` names and `unlocked` lacks. */
export const LOCKED = `
  SELECT g.provider, g.user_id, g.connection FROM stitch_grants g
  JOIN r USING (provider, user_id, connection)
  WHERE NOT EXISTS (SELECT FROM unlocked u WHERE u.provider = g.provider
    AND u.user_id = g.user_id AND u.connection = g.connection)`;
