import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { ReauthorizationReason } from '../common/index.js';
import { GRANT_COLUMNS, toGrant } from './grant-row.js';
import type { GrantRow } from './grant-row.js';
import { grantKeyText } from './grant.js';
import type { Grant, GrantKey } from './grant.js';

/** A grant that this process has leased, as it is after the claim. */
export interface ClaimedGrant extends Grant {
  /** Whether the refresh token may have been presented before, with the answer lost. */
  readonly inDoubt: boolean;
}

/** Who claims and for how long. */
export interface Lease {
  readonly owner: string;
  /** Milliseconds; longer than a provider call may take. */
  readonly duration: number;
  /** Whether leases that ran out may be taken over from their owners. */
  readonly takeOver: boolean;
}

/** A provider's answer, sealed, on its way into the row it was asked for. */
export interface RotationResult extends GrantKey {
  readonly grantId: string;
  /** The version whose refresh token was presented. */
  readonly version: number;
  /** The lease it was presented under. */
  readonly leaseOwner: string;
  readonly accessToken: Buffer;
  /** Null keeps the old one (RFC 6749 section 6). */
  readonly refreshToken: Buffer | null;
  /** Null keeps the old ones (RFC 6749 section 5.1). */
  readonly scopes: readonly string[] | null;
  readonly obtainedAt: number;
  readonly expiresAt: number | null;
  readonly refreshDueAt: number | null;
}

/**
 * What became of a result: `committed` (also when an earlier, seemingly failed attempt had done
 * it), `superseded` by a newer token of the same consent, or `gone`: the grant was deleted or
 * consented anew, so that the token belongs to nobody.
 */
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly version: number }
  | { readonly kind: 'superseded' }
  | { readonly kind: 'gone' };

/** How an attempt ended that brought no token. */
export interface FailedAttempt {
  readonly error: string;
  /** Milliseconds from now until the next attempt. */
  readonly retryIn: number;
  /** Whether the refresh token may have been used. */
  readonly inDoubt: boolean;
}

const KEY = 'g.provider = k.provider AND g.user_id = k.user_id AND g.connection = k.connection';
const MS = `interval '1 millisecond'`;

/** The row as its claim left it but for the version; no two claims have the same owner. */
const LEASED = 'g.provider = $1 AND g.user_id = $2 AND g.connection = $3 AND g.lease_owner = $5';
/** A late answer was committed under the lease: it is in doubt, whatever became of the attempt. */
const OVERTAKEN = 'g.version <> $4';

/** A lease counts as run out only when the server has been up long enough for its owner to act. */
const SERVER_SETTLED = `pg_postmaster_start_time() < now() - interval '4 seconds'`;

/**
 * Takes the rows `picked` says. A claimed row is due again when its lease ends, so that a crash
 * needs no clean-up: nobody steps over the row meanwhile, and afterwards it is simply due, in doubt.
 */
const claim = (picked: string) => `
  WITH picked AS MATERIALIZED (${picked} FOR UPDATE SKIP LOCKED),
  claimed AS (
    UPDATE stitch_grants g SET lease_owner = $1,
      lease_expires_at = now() + $2 * ${MS}, refresh_due_at = now() + $2 * ${MS},
      rotation_started_at = coalesce(g.rotation_started_at, now())
    FROM picked k WHERE ${KEY}
    RETURNING ${GRANT_COLUMNS}, k.doubt
  )
  SELECT * FROM claimed`;

const CLAIM_DUE = claim(`
  SELECT provider, user_id, connection, false AS doubt FROM stitch_grants
  WHERE provider = $3 AND rotation_started_at IS NULL AND refresh_due_at <= now()
  ORDER BY refresh_due_at LIMIT $4`);

const CLAIM_IN_DOUBT = claim(`
  SELECT provider, user_id, connection, true AS doubt FROM stitch_grants
  WHERE provider = $3 AND rotation_started_at IS NOT NULL AND refresh_due_at <= now()
    AND (lease_owner IS NULL OR ($5 AND ${SERVER_SETTLED}))
  ORDER BY refresh_due_at LIMIT $4`);

const CLAIM_ONE = claim(`
  SELECT provider, user_id, connection, rotation_started_at IS NOT NULL AS doubt
  FROM stitch_grants
  WHERE provider = $3 AND user_id = $4 AND connection = $5 AND version = $6
    AND status = 'active' AND refresh_token IS NOT NULL
    AND (lease_owner IS NULL OR ($7 AND lease_expires_at < now() AND ${SERVER_SETTLED}))
    AND (failure_count = 0 OR refresh_due_at IS NULL OR refresh_due_at <= now())`);

/** Nobody else has been given the row since the result was asked for. */
const OWN = '(g.lease_owner = r.lease_owner) IS TRUE';

/**
 * Writes results that arrived together in one statement. A result belongs to the row when the row
 * still is of the same consent and either has the version whose token was presented, or is one
 * rotation ahead by an answer that was asked for earlier: two answers to one refresh token, of
 * which the one asked for last is the one that the provider holds valid.
 *
 * An answer that comes after its lease was lost (its owner had been killed, and was back too late)
 * is in doubt: somebody may have presented the old token meanwhile, and a provider that saw it
 * again may have revoked the new one with it (RFC 9700 section 4.14.2). So it is tried at once, or
 * as soon as whoever has the lease now is done; if it was revoked the grant is `rotation_lost`. A
 * grant given up in between is revived in the same way.
 */
const COMMIT = `
  UPDATE stitch_grants g SET access_token = r.access_token,
    refresh_token = coalesce(r.refresh_token, g.refresh_token),
    scope = coalesce(r.scope, g.scope),
    obtained_at = to_timestamp(r.obtained_at / 1000.0),
    expires_at = to_timestamp(r.expires_at / 1000.0),
    refresh_due_at = CASE WHEN ${OWN} THEN to_timestamp(r.refresh_due_at / 1000.0)
      ELSE coalesce(g.lease_expires_at, now()) END,
    version = g.version + 1,
    status = CASE WHEN g.status = 'reauthorization_required' THEN 'active' ELSE g.status END,
    reason = CASE WHEN g.status = 'reauthorization_required' THEN NULL ELSE g.reason END,
    lease_owner = CASE WHEN ${OWN} THEN NULL ELSE g.lease_owner END,
    lease_expires_at = CASE WHEN ${OWN} THEN NULL ELSE g.lease_expires_at END,
    rotation_started_at = CASE WHEN ${OWN} THEN NULL ELSE now() END,
    failure_count = 0, last_error = NULL
  FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::bytea[],
      $7::bytea[], $8::text[], $9::float8[], $10::float8[], $11::float8[], $12::text[])
    AS r(provider, user_id, connection, grant_id, version, access_token, refresh_token, scope,
      obtained_at, expires_at, refresh_due_at, lease_owner)
  WHERE g.provider = r.provider AND g.user_id = r.user_id AND g.connection = r.connection
    AND g.grant_id = r.grant_id
    AND (g.version = r.version OR (g.version = r.version + 1
      AND g.obtained_at < to_timestamp(r.obtained_at / 1000.0)))
  RETURNING g.provider, g.user_id AS "userId", g.connection, g.version`;

/** Claims, commits and releases: the SQL of the rotation. */
@Injectable()
export class RotationStore {
  constructor(private readonly database: Database) {}

  /** Leases at most `limit` grants that are in doubt or due, in this order. */
  async claimDue(provider: string, limit: number, lease: Lease): Promise<ClaimedGrant[]> {
    const args = [lease.owner, lease.duration, provider];
    const doubtful = await this.claim(CLAIM_IN_DOUBT, [...args, limit, lease.takeOver]);
    if (doubtful.length >= limit) return doubtful;
    return [...doubtful, ...(await this.claim(CLAIM_DUE, [...args, limit - doubtful.length]))];
  }

  /** Leases one grant if it still has this version, is free and not waiting after a failure. */
  async claimOne(key: GrantKey, version: number, lease: Lease): Promise<ClaimedGrant | undefined> {
    const { provider, userId, connection } = key;
    const args = [lease.owner, lease.duration, provider, userId, connection, version];
    const [claimed] = await this.claim(CLAIM_ONE, [...args, lease.takeOver]);
    return claimed;
  }

  /** Milliseconds until the next grant of the provider is due; undefined when none is scheduled. */
  async nextDueIn(provider: string): Promise<number | undefined> {
    const [row] = await this.database.query<{ wait: number | null }>(
      `SELECT extract(epoch FROM least(
         (SELECT min(refresh_due_at) FROM stitch_grants
          WHERE provider = $1 AND rotation_started_at IS NULL AND refresh_due_at IS NOT NULL),
         (SELECT min(refresh_due_at) FROM stitch_grants
          WHERE provider = $1 AND rotation_started_at IS NOT NULL)) - now())::float8 * 1000 AS wait`,
      [provider],
    );
    return row?.wait ?? undefined;
  }

  /** @returns what became of each result, in their order. @throws StorageUnavailableError */
  async commit(results: readonly RotationResult[]): Promise<CommitOutcome[]> {
    const rows = await this.database.query<GrantKey & { version: string }>(COMMIT, [
      results.map(({ provider }) => provider),
      results.map(({ userId }) => userId),
      results.map(({ connection }) => connection),
      results.map(({ grantId }) => grantId),
      results.map(({ version }) => version),
      results.map(({ accessToken }) => accessToken),
      results.map(({ refreshToken }) => refreshToken),
      results.map(({ scopes }) => scopes?.join(' ') ?? null),
      results.map(({ obtainedAt }) => obtainedAt),
      results.map(({ expiresAt }) => expiresAt),
      results.map(({ refreshDueAt }) => refreshDueAt),
      results.map(({ leaseOwner }) => leaseOwner),
    ]);
    const written = new Map(rows.map((row) => [grantKeyText(row), Number(row.version)]));
    return Promise.all(
      results.map((result) => {
        const version = written.get(grantKeyText(result));
        return version === undefined
          ? this.fate(result)
          : Promise.resolve<CommitOutcome>({ kind: 'committed', version });
      }),
    );
  }

  /** Ends an attempt that brought nothing; only its own lease is touched. */
  async fail(grant: Grant, owner: string, attempt: FailedAttempt): Promise<void> {
    await this.database.query(
      `UPDATE stitch_grants g SET lease_owner = NULL, lease_expires_at = NULL,
         failure_count = g.failure_count + 1, last_error = $6,
         refresh_due_at = now() + $7 * ${MS},
         rotation_started_at = CASE WHEN $8 OR ${OVERTAKEN} THEN g.rotation_started_at END
       WHERE ${LEASED}`,
      [...fence(grant, owner), attempt.error, attempt.retryIn, attempt.inDoubt],
    );
  }

  /**
   * Gives back a lease that was not used. `dueIn` in milliseconds; null takes the grant off the
   * schedule, unless its status has changed since the claim: then that is for the next look to say.
   */
  async release(grant: Grant, owner: string, inDoubt: boolean, dueIn: number | null) {
    await this.database.query(
      `UPDATE stitch_grants g SET lease_owner = NULL, lease_expires_at = NULL,
         refresh_due_at = now() + coalesce($6::float8,
           CASE WHEN g.status <> $8 OR ${OVERTAKEN} THEN 0 END) * ${MS},
         rotation_started_at = CASE WHEN $7 OR ${OVERTAKEN} THEN g.rotation_started_at END
       WHERE ${LEASED}`,
      [...fence(grant, owner), dueIn, inDoubt, grant.status],
    );
  }

  /**
   * Marks a grant as one that only its user can revive, unless a late answer has come for it
   * meanwhile: that is tried then. @returns whether it was this call's doing
   */
  async retire(grant: Grant, owner: string, reason: ReauthorizationReason, error: string | null) {
    const rows = await this.database.query(
      `UPDATE stitch_grants g SET status = 'reauthorization_required', reason = $6,
         last_error = $7, refresh_due_at = NULL, lease_owner = NULL, lease_expires_at = NULL,
         rotation_started_at = NULL
       WHERE ${LEASED} AND g.version = $4
       RETURNING 1`,
      [...fence(grant, owner), reason, error],
    );
    if (rows.length === 0) await this.release(grant, owner, true, 0);
    return rows.length > 0;
  }

  /** Makes a suspended grant readable again. @returns whether it was this call's doing */
  async reinstate(grant: Grant, owner: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE stitch_grants g SET status = 'active', reason = NULL, rejected_version = NULL,
         failure_count = 0, last_error = NULL, refresh_due_at = NULL, lease_owner = NULL,
         lease_expires_at = NULL, rotation_started_at = NULL
       WHERE ${LEASED} AND g.version = $4 AND g.status = 'suspended'
       RETURNING 1`,
      fence(grant, owner),
    );
    return rows.length > 0;
  }

  private async claim(sql: string, parameters: unknown[]): Promise<ClaimedGrant[]> {
    const rows = await this.database.query<GrantRow & { doubt: boolean }>(sql, parameters);
    return rows.map((row) => ({ ...toGrant(row), inDoubt: row.doubt }));
  }

  /** A token born while its grant was deleted or consented anew must not live on unknown. */
  private async bury({ provider, userId, connection, refreshToken }: RotationResult) {
    if (refreshToken === null) return;
    await this.database.query(
      `INSERT INTO stitch_revocations (provider, user_id, connection, refresh_token)
       VALUES ($1, $2, $3, $4)`,
      [provider, userId, connection, refreshToken],
    );
  }

  /** Why a result was not written. */
  private async fate(result: RotationResult): Promise<CommitOutcome> {
    const [row] = await this.database.query<{ ours: boolean; version: string }>(
      `SELECT g.access_token = $5 AS ours, g.version FROM stitch_grants g
       WHERE g.provider = $1 AND g.user_id = $2 AND g.connection = $3 AND g.grant_id = $4`,
      [result.provider, result.userId, result.connection, result.grantId, result.accessToken],
    );
    if (!row) {
      await this.bury(result);
      return { kind: 'gone' };
    }
    return row.ours ? { kind: 'committed', version: Number(row.version) } : { kind: 'superseded' };
  }
}

const fence = (grant: Grant, owner: string) => [
  grant.provider,
  grant.userId,
  grant.connection,
  grant.version,
  owner,
];
