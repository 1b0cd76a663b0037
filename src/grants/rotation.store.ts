import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { StorageUnavailableError } from '../common/index.js';
import type { ReauthorizationReason } from '../common/index.js';
import { DueWindows } from './due-window.js';
import { GRANT_ROWS } from './grant.columns.js';
import { RevocationOutbox } from './revocation-outbox.js';
import { grantKeyText } from './grant.js';
import type { Grant, GrantKey } from './grant.js';
import type {
  ClaimedGrant,
  CommitAttempt,
  CommitOutcome,
  FailedAttempt,
  HeldAnswer,
  Lease,
  Retirement,
  RotationResult,
} from './rotation-result.js';
import {
  CLAIM_DUE,
  CLAIM_IN_DOUBT,
  CLAIM_ONE,
  CLAIM_PROBE,
  COMMIT,
  FAIL,
  dueSince,
  HOLD,
  SAME_GRANT,
  LEASED,
  MILLISECOND,
  RENEW_LEASES,
  RETIRE,
  OVERTAKEN,
} from './rotation-sql.js';

/** Claims, commits and releases, each of them one statement. */
@Injectable()
export class RotationStore {
  private readonly windows = new DueWindows();

  constructor(
    private readonly database: Database,
    private readonly revocations: RevocationOutbox,
  ) {}

  /** Leases at most `limit` grants that are in doubt or due, in this order. */
  async claimDue(provider: string, limit: number, lease: Lease): Promise<ClaimedGrant[]> {
    const args = [...leasing(lease), provider];
    const takeOver = [lease.takeOver, lease.now];
    const { doubt, due } = this.windows.of(provider);
    const doubtful = await doubt.look(limit, lease.takeOver, (back) =>
      this.claim(CLAIM_IN_DOUBT, [...args, limit, back, ...takeOver], lease),
    );
    if (doubtful.length >= limit) return doubtful;
    try {
      const left = limit - doubtful.length;
      const others = await due.look(left, true, (back) =>
        this.claim(CLAIM_DUE, [...args, left, back], lease),
      );
      return [...doubtful, ...others];
    } catch (error) {
      // Those in doubt are ours already, and a provider's grace does not wait for their leases.
      if (doubtful.length > 0 && error instanceof StorageUnavailableError) return doubtful;
      throw error;
    }
  }

  /**
   * Leases one grant that is due, with which to find out whether a provider is well again.
   *
   * @param doubtFirst one that is in doubt already if there is one, rather than a well one
   */
  claimProbe(provider: string, lease: Lease, doubtFirst: boolean): Promise<ClaimedGrant[]> {
    const args = [...leasing(lease), provider, lease.takeOver, lease.now, doubtFirst];
    return this.claim(CLAIM_PROBE, args, lease);
  }

  /** Leases one grant if it still has this version, is free and not waiting after a failure. */
  async claimOne(key: GrantKey, version: number, lease: Lease): Promise<ClaimedGrant | undefined> {
    const { provider, userId, connection } = key;
    const args = [...leasing(lease), provider, userId, connection, version];
    const takeOver = [lease.takeOver, lease.now];
    const [claimed] = await this.claim(CLAIM_ONE, [...args, ...takeOver], lease);
    return claimed;
  }

  /** Milliseconds until the next grant of the provider is due; undefined when none is scheduled. */
  async nextDueIn(provider: string): Promise<number | undefined> {
    const { doubt, due } = this.windows.of(provider);
    const [row] = await this.database.query<{ wait: number | null }>(
      `SELECT extract(epoch FROM least(
         (SELECT min(refresh_due_at) FROM stitch_grants
          WHERE provider = $1 AND rotation_started_at IS NULL AND ${dueSince('$2')}),
         (SELECT min(refresh_due_at) FROM stitch_grants
          WHERE provider = $1 AND rotation_started_at IS NOT NULL AND ${dueSince('$3')})) - now())::numeric
         * 1000 AS wait`,
      [provider, due.lookBackMs, doubt.lookBackMs],
    );
    return row?.wait ?? undefined;
  }

  /** @returns what became of each result, in their order. @throws StorageUnavailableError */
  async commit(results: readonly RotationResult[]): Promise<CommitAttempt[]> {
    const rows = await this.database.query<GrantKey & { version: string | null }>(COMMIT, [
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
    const found = new Map(rows.map((row) => [grantKeyText(row), row.version]));
    return Promise.all(
      results.map(async (result): Promise<CommitAttempt> => {
        const version = found.get(grantKeyText(result));
        if (version === undefined) return this.whyNotCommitted(result);
        return version === null
          ? { kind: 'locked' }
          : { kind: 'committed', version: Number(version) };
      }),
    );
  }

  /** Ends an attempt that brought nothing; only its own lease is touched. */
  async fail(grant: Grant, owner: string, attempt: FailedAttempt): Promise<void> {
    const { error, retryIn, inDoubt, refused, spent } = attempt;
    const parameters = [error, retryIn, inDoubt, refused, spent ?? false];
    await this.database.query(FAIL, [...fence(grant, owner), ...parameters]);
  }

  /**
   * Gives back a lease that was not used. `dueIn` in milliseconds; null takes the grant off the
   * schedule, unless its status has changed since the claim: then that is for the next look to say.
   */
  async release(grant: Grant, owner: string, inDoubt: boolean, dueIn: number | null) {
    await this.database.query(
      `UPDATE stitch_grants g SET lease_owner = NULL, lease_expires_at = NULL,
         refresh_due_at = now() + coalesce($6::float8,
           CASE WHEN g.status <> $8 OR ${OVERTAKEN} THEN 0 END) * ${MILLISECOND},
         rotation_started_at = CASE WHEN $7 OR ${OVERTAKEN} THEN g.rotation_started_at END
       WHERE ${LEASED}`,
      [...fence(grant, owner), dueIn, inDoubt, grant.status],
    );
  }

  /**
   * Marks a grant as one that only its user can revive, unless a late answer has come for it
   * meanwhile: that is tried then.
   *
   * @param allowance grants of the provider that may be given up between two calls in order; null
   * for any number
   */
  async retire(
    grant: Grant,
    owner: string,
    reason: ReauthorizationReason,
    error: string | null,
    allowance: number | null,
  ): Promise<Retirement> {
    const [end] = await this.database.query<{ retired: boolean; current: boolean }>(RETIRE, [
      ...fence(grant, owner),
      reason,
      error,
      allowance,
    ]);
    if (end?.retired) return 'retired';
    if (end?.current) return 'withheld';
    await this.release(grant, owner, true, 0);
    return 'overtaken';
  }

  /** Keeps an answer that can't be understood with its grant, which is held from then on. */
  async hold(held: HeldAnswer): Promise<void> {
    const { provider, userId, connection, grantId, version, answer, error } = held;
    const row = [provider, userId, connection, grantId, version];
    await this.database.query(HOLD, [...row, answer, error]);
  }

  /** Has leases last so many milliseconds from now; one that somebody else has is left alone. */
  async renewLeases(grants: readonly Grant[], duration: number): Promise<void> {
    await this.database.query(RENEW_LEASES, [
      grants.map(({ provider }) => provider),
      grants.map(({ userId }) => userId),
      grants.map(({ connection }) => connection),
      grants.map(({ leaseOwner }) => leaseOwner),
      duration,
    ]);
  }

  /**
   * Shortens the leases of a dead process to so many milliseconds, where they would last longer.
   * Its answers must have been committed before. A lease whose row is locked runs out by itself.
   *
   * @returns how many
   */
  async shortenLeases(process: string, left: number): Promise<number> {
    const rows = await this.database.query(
      `UPDATE stitch_grants g SET lease_expires_at = now() + $2 * ${MILLISECOND},
         refresh_due_at = now() + $2 * ${MILLISECOND}
       FROM (SELECT provider, user_id, connection FROM stitch_grants
         WHERE rotation_started_at IS NOT NULL AND starts_with(lease_owner, $1 || '/')
           AND lease_expires_at > now() + $2 * ${MILLISECOND} FOR UPDATE SKIP LOCKED) k
       WHERE ${SAME_GRANT} RETURNING 1`,
      [process, left],
    );
    return rows.length;
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

  private async claim(sql: string, parameters: unknown[], lease: Lease): Promise<ClaimedGrant[]> {
    const rows = await this.database.query<Grant & { inDoubt: boolean }>(sql, parameters);
    return rows.map((row) => ({ ...GRANT_ROWS.read(row), epoch: lease.epoch }));
  }

  /** Why a result was not written. */
  private async whyNotCommitted(result: RotationResult): Promise<CommitOutcome> {
    const [row] = await this.database.query<{ ours: boolean; version: string }>(
      `SELECT g.access_token = $5 AS ours, g.version FROM stitch_grants g
       WHERE g.provider = $1 AND g.user_id = $2 AND g.connection = $3 AND g.grant_id = $4`,
      [result.provider, result.userId, result.connection, result.grantId, result.accessToken],
    );
    if (!row) {
      // Born while its grant was deleted or consented anew, it must not live on unknown.
      await this.revocations.add(this.database.query, [result]);
      return { kind: 'gone' };
    }
    return row.ours ? { kind: 'committed', version: Number(row.version) } : { kind: 'superseded' };
  }
}

const leasing = ({ owner, duration, process, beat }: Lease) => [owner, duration, process, beat];

const fence = (grant: Grant, owner: string) => [
  grant.provider,
  grant.userId,
  grant.connection,
  grant.version,
  owner,
];
