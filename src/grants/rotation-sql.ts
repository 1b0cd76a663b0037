import { inKnownHistory } from '../database/index.js';
import { CAUTIOUS, COUNT_SPENT, SUSPICIOUS, TURN_HAS_COME } from './caution.js';
import { GRANT_ROWS } from './grant.columns.js';
import { LOCKED, UNLOCKED } from './grant-sql.js';

/** The rows `k` names. */
export const SAME_GRANT =
  'g.provider = k.provider AND g.user_id = k.user_id AND g.connection = k.connection';
/** Turns milliseconds into an interval. */
export const MILLISECOND = `interval '1 millisecond'`;

/** The row as its claim left it but for the version; no two claims have the same owner. */
export const LEASED =
  'g.provider = $1 AND g.user_id = $2 AND g.connection = $3 AND g.lease_owner = $5';
/** A late answer was committed under the lease: it is in doubt, whatever became of the attempt. */
export const OVERTAKEN = 'g.version <> $4';

/**
 * Whether a lease counts as run out. Not before the server has been up long enough for its owner to
 * act; by both clocks, for a database's may be stepped; and not while its owner, which is alive, may
 * still have to write the answer, or has had no chance to say so. What lies in the future was
 * written before the clock was set back, and says nothing of now.
 *
 * @param now the parameter with the claiming process's own time, in milliseconds
 */
const runOut = (now: string) => `lease_expires_at < least(now(), to_timestamp(${now} / 1000.0))
    AND pg_postmaster_start_time() NOT BETWEEN now() - interval '4 seconds' AND now()
    AND NOT EXISTS (SELECT FROM stitch_replicas q
      WHERE q.process::text = split_part(lease_owner, '/', 1)
        AND q.beat_at BETWEEN now() - interval '4 seconds' AND now() + interval '4 seconds'
        AND (q.held_since <= lease_expires_at OR q.beat_at <= lease_expires_at))`;

/**
 * Takes the rows `picked` says. A claimed row is due again when its lease ends, so that a crash
 * needs no clean-up: until then no claim meets the row, and afterwards it is due, in doubt.
 */
const claim = (picked: string, further = '', only = 'true') => `
  WITH picked AS MATERIALIZED (${picked} FOR UPDATE SKIP LOCKED),${further}
  claimed AS (
    UPDATE stitch_grants g SET lease_owner = $1,
      lease_expires_at = now() + $2 * ${MILLISECOND}, refresh_due_at = now() + $2 * ${MILLISECOND},
      rotation_started_at = coalesce(g.rotation_started_at, now())
    FROM picked k WHERE ${SAME_GRANT} AND ${only}
    RETURNING ${GRANT_ROWS.selected('g')}, g.subject, k.doubt AS "inDoubt"
  )
  SELECT * FROM claimed`;

/** Whether the provider $5 is asked with caution, and whether it may be asked all the same. */
const WITH_CAUTION = `EXISTS (SELECT FROM stitch_provider_fuses f
    WHERE f.provider = $5 AND ${CAUTIOUS})`;
const MAY_BE_ASKED = `EXISTS (SELECT FROM stitch_provider_fuses f
    WHERE f.provider = $5 AND ${CAUTIOUS} AND ${TURN_HAS_COME})`;
/** What costs nothing: it is in doubt already, or has no refresh token to be presented. */
const FREE = '(rotation_started_at IS NOT NULL OR refresh_token IS NULL)';
/** What a claim of one grant may take: a well one only in its turn, while there is caution. */
const MAY_BE_TAKEN = `(${FREE} OR NOT (SELECT ${WITH_CAUTION})
      OR (status = 'active' AND (SELECT ${MAY_BE_ASKED})))`;

/**
 * A claim of one grant, which takes the turn of all replicas when it is a well one and there is caution: of two
 * replicas that saw the same turn come, the second finds it taken.
 */
const claimInTurn = (picked: string) =>
  claim(
    picked,
    `
  turn AS (
    UPDATE stitch_provider_fuses f SET asked_at = now()
    WHERE f.provider = $5 AND ${CAUTIOUS} AND ${TURN_HAS_COME}
      AND EXISTS (SELECT FROM picked WHERE NOT free)
    RETURNING 1
  ),`,
    `(k.free OR NOT (SELECT ${WITH_CAUTION}) OR EXISTS (SELECT FROM turn))`,
  );

/** What became due within so many milliseconds, by a parameter; null: all that is due. See {@link DueWindow}. */
export const dueSince = (back: string) =>
  `refresh_due_at >= coalesce(now() - ${back}::float8 * ${MILLISECOND}, '-infinity')`;

/**
 * $1 lease owner, $2 its duration in milliseconds, $3 the process, $4 its last heartbeat,
 * $5 provider, $6 how many, $7 how far back.
 */
export const CLAIM_DUE = claim(`
  SELECT provider, user_id, connection, false AS doubt FROM stitch_grants
  WHERE provider = $5 AND rotation_started_at IS NULL AND refresh_due_at <= now() AND ${dueSince('$7')}
    AND (SELECT ${inKnownHistory('$3', '$4')})
    AND (refresh_token IS NULL OR NOT (SELECT ${WITH_CAUTION}))
  ORDER BY refresh_due_at LIMIT $6`);

/** As above; $8 whether leases may be taken over, $9 the time of the process in milliseconds. */
export const CLAIM_IN_DOUBT = claim(`
  SELECT provider, user_id, connection, true AS doubt FROM stitch_grants
  WHERE provider = $5 AND rotation_started_at IS NOT NULL AND refresh_due_at <= now() AND ${dueSince('$7')}
    AND (lease_owner IS NULL OR ($8 AND ${runOut('$9')}))
    AND (SELECT ${inKnownHistory('$3', '$4')})
  ORDER BY refresh_due_at LIMIT $6`);

/**
 * $1 to $5 as above; $6 whether leases may be taken over, $7 the time of the process, $8 whether one
 * in doubt goes first, unless it is a well one's turn. One grant, to find out whether a provider is well
 * again: one that was well, and another each time, as one that failed comes last.
 */
export const CLAIM_PROBE = claimInTurn(`
  SELECT provider, user_id, connection, rotation_started_at IS NOT NULL AS doubt, ${FREE} AS free
  FROM stitch_grants
  WHERE provider = $5 AND refresh_due_at <= now()
    AND (SELECT ${inKnownHistory('$3', '$4')})
    AND (lease_owner IS NULL OR ($6 AND ${runOut('$7')})) AND ${MAY_BE_TAKEN}
  ORDER BY status <> 'active', $8 AND NOT (SELECT ${MAY_BE_ASKED}) AND rotation_started_at IS NULL,
    failure_count, rotation_started_at IS NOT NULL, refresh_due_at
  LIMIT 1`);

/** $1 to $5 as above, $6 user, $7 connection, $8 version, $9 and $10 as $6 and $7 above. */
export const CLAIM_ONE = claimInTurn(`
  SELECT provider, user_id, connection, rotation_started_at IS NOT NULL AS doubt, ${FREE} AS free
  FROM stitch_grants
  WHERE provider = $5 AND user_id = $6 AND connection = $7 AND version = $8
    AND status = 'active' AND refresh_token IS NOT NULL AND held_at IS NULL
    AND (SELECT ${inKnownHistory('$3', '$4')})
    AND (lease_owner IS NULL OR ($9 AND ${runOut('$10')})) AND ${MAY_BE_TAKEN}
    AND (failure_count = 0 OR refresh_due_at IS NULL OR refresh_due_at <= now())`);

/**
 * $1 to $4 the names and lease owners of grants, $5 milliseconds: their leases last so long from
 * now. A row that somebody keeps locked can't be claimed either, and is renewed with the next look.
 */
export const RENEW_LEASES = `
  WITH r AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    AS u(provider, user_id, connection, lease_owner)),
  unlocked AS MATERIALIZED (${UNLOCKED})
  UPDATE stitch_grants g SET lease_expires_at = now() + $5 * ${MILLISECOND},
    refresh_due_at = now() + $5 * ${MILLISECOND}
  FROM r JOIN unlocked USING (provider, user_id, connection)
  WHERE g.provider = r.provider AND g.user_id = r.user_id AND g.connection = r.connection
    AND g.lease_owner = r.lease_owner`;

/**
 * $1 to $5 the claim, $6 reason, $7 error, $8 how many grants of the provider may be given up
 * between two calls in order, of whichever replica; null for any number. A grant that was given up
 * before, and was tried once more, counts no second time and keeps its reason. From the second on the
 * provider is under suspicion, whatever each replica alone has heard.
 */
export const RETIRE = `
  WITH allowance AS (
    INSERT INTO stitch_provider_fuses AS f (provider, given_up) SELECT $1, 1
    FROM stitch_grants g WHERE ${LEASED} AND g.version = $4
      AND g.status <> 'reauthorization_required' AND $8::int IS NOT NULL
    ON CONFLICT (provider) DO UPDATE SET given_up = f.given_up + 1,
      tripped_at = CASE WHEN f.given_up + 1 >= ${String(SUSPICIOUS)} THEN coalesce(f.tripped_at, now())
        ELSE f.tripped_at END
      WHERE f.given_up < $8::int
    RETURNING 1),
  retired AS (
    UPDATE stitch_grants g SET status = 'reauthorization_required',
      reason = CASE WHEN g.status = 'reauthorization_required' THEN g.reason ELSE $6 END,
      last_error = $7, refresh_due_at = NULL, lease_owner = NULL, lease_expires_at = NULL,
      rotation_started_at = NULL, retired_at = coalesce(g.retired_at, now())
    WHERE ${LEASED} AND g.version = $4 AND (g.status = 'reauthorization_required'
      OR $8::int IS NULL OR EXISTS (SELECT FROM allowance))
    RETURNING 1)
  SELECT EXISTS (SELECT FROM retired) AS retired,
    EXISTS (SELECT FROM stitch_grants g WHERE ${LEASED} AND g.version = $4) AS current`;

/**
 * $1 to $4 the claim, $5 its owner, $6 the error, $7 milliseconds until the next attempt, $8 whether it is in
 * doubt, $9 whether it was refused, $10 whether its token may have been spent for nothing by this attempt.
 */
export const FAIL = `
  WITH failed AS (
    UPDATE stitch_grants g SET lease_owner = NULL, lease_expires_at = NULL,
      failure_count = g.failure_count + 1, last_error = $6,
      refresh_due_at = now() + $7 * ${MILLISECOND},
      rotation_started_at = CASE WHEN $8 OR ${OVERTAKEN} THEN g.rotation_started_at END,
      refused_since = CASE WHEN $9 THEN coalesce(g.refused_since, now()) ELSE g.refused_since END
    WHERE ${LEASED} RETURNING 1),
  spent AS (SELECT FROM failed WHERE $10::boolean)
  ${COUNT_SPENT}`;

/**
 * $1 to $3 the name, $4 consent, $5 version, $6 the answer, $7 why. Not under its lease: it may have
 * run out, and the answer stands for the token all the same.
 */
export const HOLD = `
  WITH spent AS (UPDATE stitch_grants g SET held_at = now(), held_answer = $6, last_error = $7,
    refresh_due_at = NULL, lease_owner = NULL, lease_expires_at = NULL, rotation_started_at = NULL
  WHERE g.provider = $1 AND g.user_id = $2 AND g.connection = $3 AND g.grant_id = $4
    AND g.version = $5 RETURNING 1)
  ${COUNT_SPENT}`;

/** Nobody else has been given the row since the result was asked for. */
const LEASE_IS_OURS = '(g.lease_owner = r.lease_owner) IS TRUE';
/**
 * The lease of a row that is behind is for a token that was spent before the one of this answer was: kept, it
 * would let the answer to the older one take the place of this one.
 */
const LEASE_ENDS = `(${LEASE_IS_OURS} OR g.version < r.version)`;

/**
 * Writes results that arrived together in one statement. A result belongs to the row when the row
 * still is of the same consent and either has the version whose token was presented, or is one
 * rotation ahead by an answer that was asked for earlier: two answers to one refresh token, of
 * which the one asked for last is the one that the provider holds valid. Whoever still has the
 * lease asked last, however many late answers came meanwhile. A row that is behind the version whose
 * token was presented is that of a database which went back in time, and nobody has noticed yet.
 *
 * An answer that comes after its lease was lost (its owner had been killed, and was back too late)
 * is in doubt: somebody may have presented the old token meanwhile, and a provider that saw it
 * again may have revoked the new one with it (RFC 9700 section 4.14.2). So it is tried at once, or
 * as soon as whoever has the lease now is done; if it was revoked the grant is `rotation_lost`. A
 * grant given up in between is revived in the same way.
 *
 * Returns what was written, with its version, and without one what could not be looked at.
 */
export const COMMIT = `
  WITH r AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bigint[],
      $6::bytea[], $7::bytea[], $8::text[], $9::float8[], $10::float8[], $11::float8[], $12::text[])
    AS u(provider, user_id, connection, grant_id, version, access_token, refresh_token, scope,
      obtained_at, expires_at, refresh_due_at, lease_owner)),
  unlocked AS MATERIALIZED (${UNLOCKED}),
  written AS (
  UPDATE stitch_grants g SET access_token = r.access_token,
    refresh_token = coalesce(r.refresh_token, g.refresh_token),
    scope = coalesce(r.scope, g.scope),
    obtained_at = to_timestamp(r.obtained_at / 1000.0),
    expires_at = to_timestamp(r.expires_at / 1000.0),
    refresh_due_at = CASE WHEN ${LEASE_IS_OURS} THEN to_timestamp(r.refresh_due_at / 1000.0)
      WHEN ${LEASE_ENDS} THEN now() ELSE coalesce(g.lease_expires_at, now()) END,
    version = greatest(g.version, r.version) + 1,
    status = CASE WHEN g.status = 'reauthorization_required' THEN 'active' ELSE g.status END,
    reason = CASE WHEN g.status = 'reauthorization_required' THEN NULL ELSE g.reason END,
    lease_owner = CASE WHEN ${LEASE_ENDS} THEN NULL ELSE g.lease_owner END,
    lease_expires_at = CASE WHEN ${LEASE_ENDS} THEN NULL ELSE g.lease_expires_at END,
    rotation_started_at = CASE WHEN ${LEASE_IS_OURS} THEN NULL ELSE now() END,
    failure_count = 0, last_error = NULL
  FROM r JOIN unlocked USING (provider, user_id, connection)
  WHERE g.provider = r.provider AND g.user_id = r.user_id AND g.connection = r.connection
    AND g.grant_id = r.grant_id
    AND (g.version <= r.version OR ${LEASE_IS_OURS}
      OR (g.version = r.version + 1 AND g.obtained_at < to_timestamp(r.obtained_at / 1000.0)))
  RETURNING g.provider, g.user_id, g.connection, g.version)
  SELECT provider, user_id AS "userId", connection, version FROM written
  UNION ALL SELECT provider, user_id, connection, NULL FROM (${LOCKED}) locked`;
