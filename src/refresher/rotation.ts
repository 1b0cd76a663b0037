import type { Clock, Log } from '../common/index.js';
import { ProviderError } from '../providers/index.js';
import type { GuardedProvider, IssuedTokens } from '../providers/index.js';
import { refreshDueAt } from '../grants/index.js';
import type {
  ClaimedGrant,
  Grant,
  RotationResult,
  RotationStore,
  TokenSealer,
} from '../grants/index.js';
import type { GrantCache } from '../tokens/index.js';
import type { CommitQueue } from './commit-queue.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { RotationListener } from './rotation-listener.js';

/** Milliseconds: full jitter is taken from an exponentially growing range between these. */
const PROVIDER_BACKOFF = { first: 500, longest: 4000 };
const GRANT_BACKOFF = { first: 1000, longest: 60_000 };
/** Milliseconds until another look at a grant whose answer is being committed. */
const COMMIT_PENDING_RETRY_MS = 500;

/** How one rotation ended. */
export type RotationEnd =
  | { readonly kind: 'committed'; readonly grant: Grant }
  | { readonly kind: 'superseded' | 'gone' | 'retired' | 'abandoned' }
  /** `retryIn` in milliseconds. */
  | { readonly kind: 'failed'; readonly error: ProviderError; readonly retryIn: number };

/** What a rotation needs; the simulation brings its own. */
export interface RotationDependencies {
  readonly store: Pick<RotationStore, 'fail' | 'release' | 'retire'>;
  readonly commits: Pick<CommitQueue, 'add' | 'holds'>;
  readonly leases: Pick<LeaseKeeper, 'during'>;
  readonly sealer: Pick<TokenSealer, 'seal' | 'open'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly listener: RotationListener;
  readonly cache: Pick<GrantCache, 'renew'>;
  /** What the database's history says: see {@link History}. */
  readonly history: RotationHistory;
  readonly random: () => number;
}

export interface RotationHistory {
  /** Changes whenever the database may have become another one: claims made before are void. */
  readonly epoch: number;
  /** Whether what was obtained then may have been replaced by something that was lost. */
  mayBeOutdated(obtainedAt: number): boolean;
}

export interface RotationSettings {
  /** Milliseconds. */
  readonly providerTimeout: number;
  readonly lead: number;
}

/**
 * The one path on which a refresh token is presented: call, then commit, then nothing is left to
 * do. The grant comes leased; the lease is gone when the rotation has ended, unless the process or
 * the database died, in which case it runs out and leaves the grant in doubt.
 */
export class Rotation {
  /** Grants whose tokens are being presented, or whose answers are being committed. */
  private readonly underWay = new Map<string, { grant: ClaimedGrant; askedAt: number }>();

  constructor(
    private readonly dependencies: RotationDependencies,
    private readonly settings: RotationSettings,
  ) {}

  /**
   * Rotates a leased grant. The caller has been admitted by the breaker and holds a place in the
   * limit; the place is given back as soon as the provider has answered. Never throws for trouble
   * with the provider.
   *
   * @throws StorageUnavailableError when the end of a failed attempt could not be noted
   */
  rotate(grant: ClaimedGrant, guarded: GuardedProvider): Promise<RotationEnd> {
    return this.dependencies.leases.during(grant, this.keepTrack(grant, guarded));
  }

  private async keepTrack(grant: ClaimedGrant, guarded: GuardedProvider): Promise<RotationEnd> {
    const askedAt = this.dependencies.clock.now();
    const lease = grant.leaseOwner ?? '';
    this.underWay.set(lease, { grant, askedAt });
    try {
      return await this.presentAndCommit(grant, guarded, askedAt);
    } finally {
      this.underWay.delete(lease);
    }
  }

  /** Grants whose tokens are being presented, or whose answers are being committed. */
  get leased(): ClaimedGrant[] {
    return [...this.underWay.values()].map(({ grant }) => grant);
  }

  /** When the oldest of them was begun; undefined for none. */
  get oldest(): number | undefined {
    const times = [...this.underWay.values()].map(({ askedAt }) => askedAt);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  private async presentAndCommit(
    grant: ClaimedGrant,
    guarded: GuardedProvider,
    askedAt: number,
  ): Promise<RotationEnd> {
    const { cache, clock, commits, history, listener } = this.dependencies;
    const { epoch = history.epoch } = grant;
    if (epoch !== history.epoch || this.tooLate(grant, askedAt)) {
      return await this.abandon(grant, guarded, 0);
    }
    // Its answer is in hand after all: kept by an outage, or found in the spool of another process.
    if (commits.holds(grant)) return await this.abandon(grant, guarded, COMMIT_PENDING_RETRY_MS);
    const refreshToken = this.openRefreshToken(grant);
    if (refreshToken === undefined) return await this.unreadable(grant, guarded);
    let issued: IssuedTokens;
    try {
      issued = await this.present(refreshToken, guarded);
      guarded.breaker.succeeded();
    } catch (error) {
      if (!(error instanceof ProviderError)) {
        // A fault of our own says nothing about the provider, but its breaker waits for a word.
        guarded.breaker.withdraw();
        throw error;
      }
      return await this.failed(grant, guarded, error);
    } finally {
      listener.called(grant.provider, clock.now() - askedAt);
    }
    const result = this.result(grant, issued, askedAt);
    const outcome = await commits.add(result);
    listener.settled(grant, result, outcome);
    if (outcome.kind !== 'committed') return outcome;
    const renewed = rotated(grant, result, outcome.version);
    cache.renew(renewed);
    return { kind: 'committed', grant: renewed };
  }

  /**
   * Presents a refresh token and listens for the answer. Beyond the time for which readers wait the
   * call takes no place of the others any more; whatever it brings is committed all the same.
   */
  private async present(refreshToken: string, guarded: GuardedProvider): Promise<IssuedTokens> {
    const { limit, provider } = guarded;
    const answered = new AbortController();
    const call = { listening: false };
    void this.dependencies.clock.sleep(this.settings.providerTimeout, answered.signal).then(
      () => {
        if (!answered.signal.aborted) call.listening = limit.listen();
      },
      () => undefined,
    );
    try {
      return await provider.refresh(refreshToken);
    } finally {
      answered.abort();
      if (call.listening) limit.heard();
      else limit.leave();
    }
  }

  /**
   * A claim that took so long (a stalled process, a slow database) that the lease might end during
   * the call is given back: somebody else could present the same token meanwhile.
   */
  private tooLate(grant: ClaimedGrant, now: number): boolean {
    return (grant.leaseExpiresAt ?? 0) - now < this.settings.providerTimeout + 1000;
  }

  private async abandon(
    grant: ClaimedGrant,
    guarded: GuardedProvider,
    dueIn: number,
  ): Promise<RotationEnd> {
    guarded.breaker.withdraw();
    guarded.limit.leave();
    await this.dependencies.store.release(grant, grant.leaseOwner ?? '', grant.inDoubt, dueIn);
    return { kind: 'abandoned' };
  }

  /** @returns undefined when the stored token can't be opened */
  private openRefreshToken(grant: ClaimedGrant): string | undefined {
    try {
      if (grant.refreshToken === null) throw new Error('no refresh token');
      return this.dependencies.sealer.open(grant.refreshToken, 'refresh_token', grant);
    } catch (error) {
      this.dependencies.log.failure('grant.unreadable', error, names(grant));
      return undefined;
    }
  }

  /** Nothing was presented: no word about the provider, and no doubt that was not there before. */
  private async unreadable(grant: ClaimedGrant, guarded: GuardedProvider): Promise<RotationEnd> {
    guarded.breaker.withdraw();
    guarded.limit.leave();
    const error = new ProviderError('rejected', 'refresh_token_unreadable');
    const retryIn = this.retryIn(grant, error);
    const { store } = this.dependencies;
    const attempt = { error: error.message, retryIn, inDoubt: grant.inDoubt };
    await store.fail(grant, grant.leaseOwner ?? '', attempt);
    return { kind: 'failed', error, retryIn };
  }

  private result(grant: ClaimedGrant, issued: IssuedTokens, askedAt: number): RotationResult {
    const { provider, userId, connection, grantId, version } = grant;
    const { sealer, random } = this.dependencies;
    const expiresAt = issued.expiresIn === null ? null : askedAt + issued.expiresIn * 1000;
    const seal = (token: string, column: 'access_token' | 'refresh_token') =>
      sealer.seal(token, column, grant);
    return {
      provider,
      userId,
      connection,
      grantId,
      version,
      leaseOwner: grant.leaseOwner ?? '',
      accessToken: seal(issued.accessToken, 'access_token'),
      refreshToken:
        issued.refreshToken === null ? null : seal(issued.refreshToken, 'refresh_token'),
      scopes: issued.scopes,
      obtainedAt: askedAt,
      expiresAt,
      refreshDueAt: refreshDueAt({ obtainedAt: askedAt, expiresAt }, this.settings.lead, random),
      kept: { refreshToken: grant.refreshToken, scopes: grant.scopes },
    };
  }

  private async failed(
    grant: ClaimedGrant,
    guarded: GuardedProvider,
    error: ProviderError,
  ): Promise<RotationEnd> {
    const { history, listener, store } = this.dependencies;
    const owner = grant.leaseOwner ?? '';
    guarded.breaker.report(error);
    listener.failed(grant, error);
    if (error.kind === 'invalid_grant') {
      const lost = grant.inDoubt || history.mayBeOutdated(grant.obtainedAt);
      const reason = lost ? 'rotation_lost' : 'grant_revoked';
      const retired = await store.retire(grant, owner, reason, error.reason);
      if (retired) listener.retired(grant, reason);
      return { kind: 'retired' };
    }
    const inDoubt = grant.inDoubt || error.leavesDoubt;
    const retryIn = this.retryIn(grant, error);
    await store.fail(grant, owner, { error: error.message, retryIn, inDoubt });
    return { kind: 'failed', error, retryIn };
  }

  /** The first retry of a grant in doubt is at once: a provider's grace, if it has one, is short. */
  private retryIn(grant: ClaimedGrant, error: ProviderError): number {
    if (error.leavesDoubt && grant.failureCount === 0) return 0;
    const { first, longest } = error.concernsProvider ? PROVIDER_BACKOFF : GRANT_BACKOFF;
    const range = Math.min(longest, first * 2 ** Math.min(grant.failureCount, 10));
    return Math.floor(this.dependencies.random() * range);
  }
}

/** The row as the commit left it. */
function rotated(grant: ClaimedGrant, result: RotationResult, version: number): Grant {
  return {
    ...grant,
    status: 'active',
    reason: null,
    accessToken: result.accessToken,
    refreshToken: result.refreshToken ?? grant.refreshToken,
    scopes: result.scopes ?? grant.scopes,
    obtainedAt: result.obtainedAt,
    expiresAt: result.expiresAt,
    refreshDueAt: result.refreshDueAt,
    version,
    leaseOwner: null,
    leaseExpiresAt: null,
    rotationStartedAt: null,
    failureCount: 0,
    lastError: null,
  };
}

const names = ({ provider, userId, connection, version }: Grant) => ({
  provider,
  user_id: userId,
  connection,
  version,
});
