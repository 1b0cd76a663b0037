/**
 * Statements that write anew what a database has forgotten that went back in time. Of the same
 * consent the higher version is the newer one. $-parameters that are not explained are columns.
 */

/** What is remembered of grants: a version, and the row as it was then. */
const REMEMBERED = `
  r AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bigint[],
      $6::bytea[], $7::bytea[], $8::text[], $9::float8[], $10::float8[], $11::float8[], $12::bytea[])
    AS u(provider, user_id, connection, grant_id, version, access_token, refresh_token, scope,
      obtained_at, expires_at, refresh_due_at, presented))`;

/**
 * Which of these grants the database knows in an older version only, or not at all. $1 to $5.
 */
export const FORGOTTEN_GRANTS = `
  SELECT r.place::int AS place FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[],
      $5::bigint[]) WITH ORDINALITY AS r(provider, user_id, connection, grant_id, version, place)
    LEFT JOIN stitch_grants g USING (provider, user_id, connection)
  WHERE g.grant_id IS NULL OR (g.grant_id = r.grant_id AND g.version < r.version)`;

/**
 * Writes remembered versions over older ones. $13 says that other replicas have worked already.
 * Then a row that was obtained later than what is remembered went on from an older version, and
 * stays. What is written then is in doubt, because somebody may have presented a token that was
 * spent. A row that holds the very token that was presented for what is remembered has not gone on,
 * whatever its times are: the clock may have been set in between.
 */
export const RESTORE_GRANTS = `
  WITH ${REMEMBERED}
  UPDATE stitch_grants g SET access_token = r.access_token, refresh_token = r.refresh_token,
    scope = r.scope, version = r.version,
    obtained_at = to_timestamp(r.obtained_at / 1000.0),
    expires_at = to_timestamp(r.expires_at / 1000.0),
    refresh_due_at = CASE WHEN $13 THEN now() ELSE to_timestamp(r.refresh_due_at / 1000.0) END,
    rotation_started_at = CASE WHEN $13 THEN now() END,
    status = CASE WHEN g.status = 'reauthorization_required' THEN 'active' ELSE g.status END,
    reason = CASE WHEN g.status = 'reauthorization_required' THEN NULL ELSE g.reason END,
    lease_owner = NULL, lease_expires_at = NULL, failure_count = 0, last_error = NULL
  FROM r WHERE g.provider = r.provider AND g.user_id = r.user_id AND g.connection = r.connection
    AND g.grant_id = r.grant_id AND g.version < r.version
    AND (NOT $13 OR g.obtained_at < to_timestamp(r.obtained_at / 1000.0)
      OR g.refresh_token = r.presented)
  RETURNING 1`;

/**
 * Writes remembered grants whose consent the database has forgotten; not those of a name that was
 * deleted or linked since.
 */
export const INSERT_GRANTS = `
  WITH ${REMEMBERED}
  INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
    refresh_token, scope, obtained_at, expires_at, refresh_due_at, version)
  SELECT r.provider, r.user_id, r.connection, r.grant_id, 'active', r.access_token,
    r.refresh_token, r.scope, to_timestamp(r.obtained_at / 1000.0),
    to_timestamp(r.expires_at / 1000.0), to_timestamp(r.refresh_due_at / 1000.0), r.version
  FROM r WHERE NOT $13 AND NOT EXISTS (SELECT FROM stitch_events e
    WHERE e.provider = r.provider AND e.user_id = r.user_id AND e.connection = r.connection
      AND e.type IN ('grant.deleted', 'grant.linked')
      AND e.created_at > to_timestamp(r.obtained_at / 1000.0))
  ON CONFLICT (provider, user_id, connection) DO NOTHING RETURNING 1`;

/**
 * Gives leases back to the calls that are under way. $1 to $5, $6 owners, $7 milliseconds, $8 whether only
 * where nobody has touched the row since: one that was in doubt, given up or leased again after its process
 * was killed may have had its token presented once more. The answer is a late one then, and in doubt.
 */
export const RESTORE_LEASES = `
  UPDATE stitch_grants g SET lease_owner = k.lease_owner,
    lease_expires_at = now() + $7 * interval '1 millisecond',
    refresh_due_at = now() + $7 * interval '1 millisecond',
    rotation_started_at = coalesce(g.rotation_started_at, now())
  FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $8::boolean[])
    AS k(provider, user_id, connection, grant_id, version, lease_owner, untouched)
  WHERE g.provider = k.provider AND g.user_id = k.user_id AND g.connection = k.connection
    AND g.grant_id = k.grant_id AND g.version = k.version
    AND g.lease_owner IS DISTINCT FROM k.lease_owner
    AND (NOT k.untouched OR (g.lease_owner IS NULL AND g.rotation_started_at IS NULL AND g.status = 'active'))
  RETURNING 1`;

/**
 * Holds a grant anew whose answer could not be understood. $1 to $5, $6 the answer, $7 the error, $8
 * when the provider was asked, in milliseconds. Not one that was let go of since: that is in doubt
 * from a later time on. A second more for two readings of one clock.
 */
export const HOLD_ANEW = `
  UPDATE stitch_grants g SET held_at = now(), held_answer = $6, last_error = $7,
    refresh_due_at = NULL, lease_owner = NULL, lease_expires_at = NULL, rotation_started_at = NULL
  WHERE g.provider = $1 AND g.user_id = $2 AND g.connection = $3 AND g.grant_id = $4
    AND g.version = $5 AND g.held_at IS NULL
    AND coalesce(g.rotation_started_at < to_timestamp($8::float8 / 1000.0) + interval '1 second', true)
  RETURNING 1`;

/** Deletes grants of a table anew, by name and consent. $1 to $4. */
export const deleteAnew = (table: string, returning: string): string => `
  DELETE FROM ${table} g
  USING unnest($1::text[], $2::text[], $3::text[], $4::uuid[])
    AS k(provider, user_id, connection, grant_id)
  WHERE g.provider = k.provider AND g.user_id = k.user_id AND g.connection = k.connection
    AND g.grant_id = k.grant_id RETURNING ${returning}`;
