import { StorageUnavailableError } from '../../src/common/index.js';
import type { ReauthorizationReason } from '../../src/common/index.js';
import { CAUTION_FROM, SUSPICIOUS, cautionLeft, grantKeyText } from '../../src/grants/index.js';
import type {
  Caution,
  ClaimedGrant,
  CommitAttempt,
  FailedAttempt,
  Grant,
  GrantKey,
  GrantVersion,
  HeldAnswer,
  Lease,
  LeasedGrant,
  RememberedGrant,
  Retirement,
  RotationResult,
} from '../../src/grants/index.js';
import type { VirtualClock } from './virtual-clock.js';

/** Rules that can be taken away, to see whether the simulation notices. */
export interface Sabotage {
  readonly fence?: boolean;
  readonly lease?: boolean;
  readonly doubt?: boolean;
  /** An answer that came after its lease was lost is in doubt. */
  readonly late?: boolean;
  /** Refusals of a provider that serves nobody are not believed, and few grants are given up. */
  readonly fuse?: boolean;
  /** What replicas have met is counted for all of them together. */
  readonly caution?: boolean;
  /** An answer is listened for after readers have stopped to wait for it. */
  readonly listening?: boolean;
  /** Trouble of some grants is told from trouble of the provider. */
  readonly ledgers?: boolean;
  /** A database that went back in time is told what it forgot. */
  readonly memory?: boolean;
  /** A claim finds nothing in a history that its process has not compared. */
  readonly history?: boolean;
  /** An answer belongs to a row that is behind the version whose token was presented. */
  readonly behind?: boolean;
  /** An answer that is not committed is kept for as long as the table refuses it. */
  readonly keeping?: boolean;
  /** A lease ends by the later of two clocks. */
  readonly clocks?: boolean;
}

/**
 * The rotation's table as a model: what the SQL of `RotationStore` does, one statement a method.
 * `store-conformance.spec.ts` holds the two against each other.
 */
export class ModelStore {
  readonly rows = new Map<string, Grant>();
  /** Every state a row was ever written in, for the invariants. */
  onWrite: (before: Grant | undefined, after: Grant) => void = () => undefined;
  available = true;
  /** Whether it takes writes, when it is there. */
  writable = true;
  /**
   * Whether a lease that has ended is its owner's all the same: the owner is alive, tells the database
   * so, and has held it since before its end. The SQL asks `stitch_replicas` (`runOut`).
   */
  isHeld: (process: string, leaseExpiresAt: number) => boolean = () => false;
  /** Rows that somebody else's open transaction has locked, by the text of their keys. */
  readonly locked = new Set<string>();
  /** Grants given up since the provider answered in order. */
  private readonly givenUp = new Map<string, number>();
  /** Grants that may have been spent for nothing since the provider answered in order. */
  private readonly cautions = new Map<string, Caution & { readonly since: number | undefined }>();
  /** When refusals of a provider were believed no more. */
  private readonly trippedAt = new Map<string, number>();
  /** When a grant was given up, by the text of its key. */
  private readonly retiredAt = new Map<string, number>();

  constructor(
    private readonly clock: Pick<VirtualClock, 'now'>,
    private readonly sabotage: Sabotage = {},
  ) {}

  put(grant: Grant): void {
    if (!this.writable) throw new StorageUnavailableError();
    const text = grantKeyText(grant);
    const before = this.rows.get(text);
    this.rows.set(text, grant);
    this.onWrite(before, grant);
  }

  load(key: GrantKey): Grant | undefined {
    this.check();
    return this.rows.get(grantKeyText(key));
  }

  claimInDoubt(provider: string, limit: number, lease: Lease): ClaimedGrant[] {
    return this.dueOf(provider)
      .filter((row) => row.rotationStartedAt !== null && this.isFree(row, lease))
      .slice(0, limit)
      .map((row) => this.claim(row, lease));
  }

  claimDue(provider: string, limit: number, lease: Lease): ClaimedGrant[] {
    return this.dueOf(provider)
      .filter(
        (row) =>
          row.rotationStartedAt === null &&
          (row.refreshToken === null || this.caution(provider) === undefined),
      )
      .slice(0, limit)
      .map((row) => this.claim(row, lease));
  }

  /** @param user whose row is taken of several that are as good: which one is open */
  claimProbe(provider: string, lease: Lease, asked: boolean, user?: string): ClaimedGrant[] {
    const doubtFirst = asked && this.caution(provider) !== 0;
    const rank = (row: Grant) =>
      this.sabotage.ledgers
        ? 0
        : Number(row.status !== 'active') * 1e6 +
          Number(doubtFirst && row.rotationStartedAt === null) * 1e5 +
          row.failureCount * 2 +
          Number(row.rotationStartedAt !== null);
    return this.dueOf(provider)
      .filter((row) => this.isFree(row, lease) && this.mayBeTaken(row))
      .sort(
        (a, b) =>
          rank(a) - rank(b) ||
          (a.refreshDueAt ?? 0) - (b.refreshDueAt ?? 0) ||
          Number(b.userId === user) - Number(a.userId === user),
      )
      .slice(0, 1)
      .map((row) => this.claimInTurn(row, lease));
  }

  /** Whether a claim of one grant may take it: a well one only in its turn, while there is caution. */
  private mayBeTaken({ provider, rotationStartedAt, status, refreshToken }: Grant): boolean {
    const wait = this.caution(provider);
    if (rotationStartedAt !== null || refreshToken === null || wait === undefined) return true;
    return status === 'active' && wait === 0;
  }

  private claimInTurn(row: Grant, lease: Lease): ClaimedGrant {
    const known = this.cautions.get(row.provider);
    const isFree = row.rotationStartedAt !== null || row.refreshToken === null;
    if (known && known.spent >= CAUTION_FROM && !isFree) {
      this.cautions.set(row.provider, { ...known, askedAt: this.clock.now() });
    }
    return this.claim(row, lease);
  }

  /** Milliseconds until a well grant may be presented; undefined: nothing is in its way. */
  caution(provider: string): number | undefined {
    this.check();
    const known = this.cautions.get(provider);
    if (!known || this.sabotage.caution) return undefined;
    return cautionLeft(known, this.clock.now());
  }

  private countSpent(provider: string): void {
    const now = this.clock.now();
    const known = this.cautions.get(provider);
    const spent = (known?.spent ?? 0) + 1;
    const since = spent >= CAUTION_FROM ? (known?.since ?? now) : undefined;
    this.cautions.set(provider, { spent, spentAt: now, askedAt: known?.askedAt, since });
  }

  /** Not before the end of the lease by the process's own clock as well. */
  private isFree({ leaseOwner, leaseExpiresAt }: Grant, { takeOver, now }: Lease): boolean {
    if (leaseOwner === null) return true;
    return (
      takeOver &&
      (leaseExpiresAt ?? 0) <= now &&
      !this.isHeld(leaseOwner.split('/')[0] ?? '', leaseExpiresAt ?? 0)
    );
  }

  private dueOf(provider: string): Grant[] {
    this.check();
    const now = this.clock.now();
    return [...this.rows.values()]
      .filter((row) => row.provider === provider && (row.refreshDueAt ?? Infinity) <= now)
      .filter((row) => !this.isLocked(row))
      .sort((a, b) => (a.refreshDueAt ?? 0) - (b.refreshDueAt ?? 0));
  }

  claimOne(key: GrantKey, version: number, lease: Lease): ClaimedGrant | undefined {
    this.check();
    const now = this.clock.now();
    const row = this.isLocked(key) ? undefined : this.rows.get(grantKeyText(key));
    if (row?.version !== version || row.status !== 'active' || row.refreshToken === null) {
      return undefined;
    }
    const ranOut = (row.leaseExpiresAt ?? 0) < now && this.isFree(row, lease);
    const free = row.leaseOwner === null || ranOut || this.sabotage.lease === true;
    const waiting = row.failureCount > 0 && (row.refreshDueAt ?? 0) > now;
    const taken = free && !waiting && this.mayBeTaken(row);
    return taken ? this.claimInTurn(row, lease) : undefined;
  }

  /** Milliseconds until the next grant is due; undefined when none is scheduled. */
  nextDueIn(): number | undefined {
    this.check();
    const due = [...this.rows.values()].map(({ refreshDueAt }) => refreshDueAt ?? Infinity);
    const next = Math.min(...due) - this.clock.now();
    return next === Infinity ? undefined : next;
  }

  commit(results: readonly RotationResult[]): CommitAttempt[] {
    this.check();
    if (!this.writable && this.sabotage.keeping) return results.map(() => ({ kind: 'superseded' }));
    return results.map((result) => {
      if (this.isLocked(result)) return { kind: 'locked' };
      const row = this.rows.get(grantKeyText(result));
      if (row?.grantId !== result.grantId) return { kind: 'gone' };
      const own =
        this.sabotage.late === true ||
        (row.leaseOwner !== null && row.leaseOwner === result.leaseOwner);
      const behind = row.version < result.version && this.sabotage.behind !== true;
      const fits =
        row.version === result.version ||
        behind ||
        (own && row.version > result.version) ||
        (row.version === result.version + 1 && row.obtainedAt < result.obtainedAt);
      if (!fits && !this.sabotage.fence) {
        const ours = row.accessToken.equals(result.accessToken);
        return ours ? { kind: 'committed', version: row.version } : { kind: 'superseded' };
      }
      const version = Math.max(row.version, result.version) + 1;
      const dead = row.status === 'reauthorization_required';
      this.retiredAt.delete(grantKeyText(row));
      const released = own || behind;
      const lease = released ? RELEASED : {};
      this.put({
        ...row,
        accessToken: result.accessToken,
        refreshToken: result.refreshToken ?? row.refreshToken,
        scopes: result.scopes ?? row.scopes,
        obtainedAt: result.obtainedAt,
        expiresAt: result.expiresAt,
        refreshDueAt: own
          ? result.refreshDueAt
          : ((released ? null : row.leaseExpiresAt) ?? this.clock.now()),
        version,
        status: dead ? 'active' : row.status,
        reason: dead ? null : row.reason,
        ...lease,
        rotationStartedAt: own ? null : this.clock.now(),
        failureCount: 0,
        lastError: null,
      });
      return { kind: 'committed', version };
    });
  }

  fail(grant: Grant, owner: string, attempt: FailedAttempt): void {
    const row = this.leased(grant, owner);
    if (!row) return;
    const inDoubt = attempt.inDoubt || row.version !== grant.version;
    this.put({
      ...row,
      ...RELEASED,
      failureCount: row.failureCount + 1,
      lastError: attempt.error,
      refreshDueAt: this.clock.now() + attempt.retryIn,
      rotationStartedAt: inDoubt ? row.rotationStartedAt : null,
    });
    if (attempt.spent) this.countSpent(row.provider);
  }

  release(grant: Grant, owner: string, inDoubt: boolean, dueIn: number | null): void {
    const row = this.leased(grant, owner);
    if (!row) return;
    const overtaken = row.version !== grant.version;
    const wait = dueIn ?? (row.status === grant.status && !overtaken ? null : 0);
    this.put({
      ...row,
      ...RELEASED,
      refreshDueAt: wait === null ? null : this.clock.now() + wait,
      rotationStartedAt: inDoubt || overtaken ? row.rotationStartedAt : null,
    });
  }

  retire(
    grant: Grant,
    owner: string,
    reason: ReauthorizationReason,
    error: string | null,
    allowance: number | null,
  ): Retirement {
    const row = this.leased(grant, owner);
    if (row?.version !== grant.version && !this.sabotage.fence) {
      this.release(grant, owner, true, 0);
      return 'overtaken';
    }
    if (!row) return 'overtaken';
    const limited = allowance !== null && !this.sabotage.fuse;
    if (row.status !== 'reauthorization_required' && limited) {
      const given = this.givenUp.get(row.provider) ?? 0;
      if (given >= allowance) return 'withheld';
      this.givenUp.set(row.provider, given + 1);
      if (given + 1 >= SUSPICIOUS) this.suspectProvider(row.provider);
    }
    const text = grantKeyText(row);
    this.retiredAt.set(text, this.retiredAt.get(text) ?? this.clock.now());
    this.put({
      ...row,
      ...RELEASED,
      status: 'reauthorization_required',
      reason: row.status === 'reauthorization_required' ? row.reason : reason,
      lastError: error,
      refreshDueAt: null,
      rotationStartedAt: null,
    });
    return 'retired';
  }

  hold(held: HeldAnswer): void {
    this.check();
    const row = this.rows.get(grantKeyText(held));
    if (this.isLocked(held)) throw new StorageUnavailableError();
    if (row?.grantId !== held.grantId || row.version !== held.version) return;
    const lastError = held.error;
    const heldAt = this.clock.now();
    this.put({
      ...row,
      ...RELEASED,
      heldAt,
      lastError,
      refreshDueAt: null,
      rotationStartedAt: null,
    });
    this.countSpent(row.provider);
  }

  suspectProvider(provider: string): void {
    this.check();
    if (!this.trippedAt.has(provider)) this.trippedAt.set(provider, this.clock.now());
  }

  trustProvider(provider: string, askedAt: number): void {
    this.check();
    const trippedAt = this.trippedAt.get(provider);
    if (Math.max(trippedAt ?? 0, this.cautions.get(provider)?.since ?? 0) >= askedAt) return;
    this.cautions.delete(provider);
    this.givenUp.delete(provider);
    this.trippedAt.delete(provider);
    if (trippedAt === undefined) return;
    for (const row of this.rows.values()) {
      const since = this.retiredAt.get(grantKeyText(row)) ?? -Infinity;
      const dead = row.provider === provider && row.status === 'reauthorization_required';
      if (dead && since > trippedAt - 300_000 && row.leaseOwner === null) {
        this.put({ ...row, refreshDueAt: this.clock.now() });
      }
    }
  }

  giveTurn(provider: string, askedAt: number): void {
    this.check();
    const known = this.cautions.get(provider);
    if (!known || known.spent < CAUTION_FROM || known.spentAt >= askedAt) return;
    const spentAt = this.clock.now() - 3_600_000;
    this.cautions.set(provider, { ...known, spentAt, askedAt: undefined });
  }

  renewLeases(grants: readonly Grant[], duration: number): void {
    this.check();
    for (const { leaseOwner, ...key } of grants) {
      const row = this.rows.get(grantKeyText(key));
      if (row?.leaseOwner !== leaseOwner || this.isLocked(row)) continue;
      const end = this.clock.now() + duration;
      this.put({ ...row, leaseExpiresAt: end, refreshDueAt: end });
    }
  }

  shortenLeases(process: string, left: number): number {
    this.check();
    const now = this.clock.now();
    const unlocked = [...this.rows.values()].filter((row) => !this.isLocked(row));
    const leased = unlocked.filter(
      ({ leaseOwner, leaseExpiresAt }) =>
        leaseOwner?.startsWith(`${process}/`) && (leaseExpiresAt ?? 0) > now + left,
    );
    for (const row of leased) {
      const end = now + left;
      this.put({ ...row, leaseExpiresAt: end, refreshDueAt: end });
    }
    return leased.length;
  }

  /** As `FORGOTTEN_GRANTS`: those of which an older version is known. */
  forgotten<T extends GrantVersion>(remembered: readonly T[]): T[] {
    this.check();
    return remembered.filter(
      (each) => (this.rows.get(grantKeyText(each))?.version ?? Infinity) < each.version,
    );
  }

  /** As `RESTORE_GRANTS`. @returns how many were written */
  restore(remembered: readonly RememberedGrant[], late: boolean): number {
    this.check();
    let count = 0;
    for (const { provider, userId, connection, presented, ...grant } of remembered) {
      const row = this.rows.get(grantKeyText({ provider, userId, connection }));
      if (row?.grantId !== grant.grantId || row.version >= grant.version) continue;
      const hasGoneOn = !presented || row.refreshToken?.equals(presented) !== true;
      if (late && row.obtainedAt >= grant.obtainedAt && hasGoneOn) continue;
      const { accessToken, refreshToken, scopes, obtainedAt, expiresAt, version } = grant;
      const dead = row.status === 'reauthorization_required';
      this.put({
        ...row,
        ...RELEASED,
        ...{ accessToken, refreshToken, scopes, obtainedAt, expiresAt, version },
        refreshDueAt: late ? this.clock.now() : grant.refreshDueAt,
        rotationStartedAt: late ? this.clock.now() : null,
        status: dead ? 'active' : row.status,
        reason: dead ? null : row.reason,
        failureCount: 0,
        lastError: null,
      });
      count += 1;
    }
    return count;
  }

  /** As `RESTORE_LEASES`. @returns how many were given back */
  leaseAnew(
    grants: readonly LeasedGrant[],
    duration: number,
    untouched: ReadonlySet<LeasedGrant>,
  ): number {
    this.check();
    let count = 0;
    for (const grant of grants) {
      const { provider, userId, connection, grantId, version, leaseOwner } = grant;
      const row = this.rows.get(grantKeyText({ provider, userId, connection }));
      if (row?.grantId !== grantId || row.version !== version) continue;
      if (row.leaseOwner === leaseOwner) continue;
      const isTouched =
        row.leaseOwner !== null || row.rotationStartedAt !== null || row.status !== 'active';
      if (untouched.has(grant) && isTouched) continue;
      const end = this.clock.now() + duration;
      const rotationStartedAt = row.rotationStartedAt ?? this.clock.now();
      this.put({ ...row, leaseOwner, leaseExpiresAt: end, refreshDueAt: end, rotationStartedAt });
      count += 1;
    }
    return count;
  }

  private claim(row: Grant, lease: Lease): ClaimedGrant {
    const now = this.clock.now();
    const claimed: Grant = {
      ...row,
      leaseOwner: lease.owner,
      leaseExpiresAt: now + lease.duration,
      refreshDueAt: this.sabotage.lease ? row.refreshDueAt : now + lease.duration,
      rotationStartedAt: this.sabotage.lease ? null : (row.rotationStartedAt ?? now),
    };
    this.put(claimed);
    const inDoubt = row.rotationStartedAt !== null && !this.sabotage.doubt;
    return { ...claimed, inDoubt };
  }

  /** Such a statement waits for a locked row until its time is up. */
  private leased(grant: Grant, owner: string): Grant | undefined {
    this.check();
    if (this.isLocked(grant)) throw new StorageUnavailableError();
    const row = this.rows.get(grantKeyText(grant));
    return row?.leaseOwner === owner || this.sabotage.fence ? row : undefined;
  }

  private isLocked(key: GrantKey): boolean {
    return this.locked.has(grantKeyText(key));
  }

  private check(): void {
    if (!this.available) throw new StorageUnavailableError();
  }
}

const RELEASED = { leaseOwner: null, leaseExpiresAt: null } as const;
