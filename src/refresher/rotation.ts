import { untraced } from '../common/index.js';
import type { Clock, Log, Trace } from '../common/index.js';
import { isUnknownKey } from '../encryption/index.js';
import { ProviderError, UnreadableAnswerError } from '../providers/index.js';
import type { GuardedProvider, IssuedTokens, ProviderAnswer } from '../providers/index.js';
import { consentOf, grantKeyText, refreshDueAt } from '../grants/index.js';
import type {
  ClaimedGrant,
  Grant,
  RotationResult,
  RotationStore,
  TokenSealer,
} from '../grants/index.js';
import type { GrantCache } from '../tokens/index.js';
import type { CommitQueue } from './commit-queue.js';
import { reasonToGiveUp } from './give-up.js';
import type { HeldAnswers } from './held-answers.js';
import type { ProviderTrust } from './provider-trust.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { waitUntilRetry } from './retry-pace.js';
import type { RotationListener } from './rotation-listener.js';
import { isOfAnother } from './whose-answer.js';

/**
 * Grants of one provider that may be given up between two calls in order, by all replicas together:
 * a fault of the provider can't be told from users who withdraw by fewer.
 */
const GIVEN_UP_AT_MOST = 4;
/** Milliseconds until another look at a grant whose answer is being committed. */
const COMMIT_PENDING_RETRY_MS = 500;
/** Milliseconds within which a doubt is presented again at once. */
const JUST_LOST_MS = 5000;

/**
 * The token is sealed under a key that this replica lacks. The grant is left to one that has the
 * key: its row is due again at once, but for the time in which that one may take it.
 */
const FOREIGN = Symbol('foreign');
const FOREIGN_RETRY_MS = 1000;

/** How one rotation ended. */
export type RotationEnd =
  | { readonly kind: 'committed'; readonly grant: Grant }
  | { readonly kind: 'superseded' | 'gone' | 'retired' | 'held' | 'abandoned' }
  /** Nothing was presented: this replica lacks the key of the refresh token. */
  | { readonly kind: 'foreign' }
  /** `retryIn` in milliseconds. */
  | { readonly kind: 'failed'; readonly error: ProviderError; readonly retryIn: number };

/** What a rotation needs; the simulation brings its own. */
export interface RotationDependencies {
  readonly store: Pick<RotationStore, 'fail' | 'release' | 'retire'>;
  readonly held: Pick<HeldAnswers, 'keep' | 'keeps'>;
  readonly trust: Pick<ProviderTrust, 'orderly' | 'doubted' | 'spent'>;
  readonly commits: Pick<CommitQueue, 'add' | 'holds'>;
  readonly leases: Pick<LeaseKeeper, 'during'>;
  readonly sealer: Pick<TokenSealer, 'seal' | 'open' | 'isOfAnother'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly listener: RotationListener;
  readonly cache: Pick<GrantCache, 'renew'>;
  /** What the database's history says: see {@link History}. */
  readonly history: RotationHistory;
  readonly random: () => number;
  /** Tells of rotations; nobody unless given. */
  readonly trace?: Trace | undefined;
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
  private readonly trace: Trace;
  /** Grants whose tokens are being presented, or whose answers are being committed. */
  private readonly underWay = new Set<{ readonly grant: ClaimedGrant; readonly askedAt: number }>();

  constructor(
    private readonly dependencies: RotationDependencies,
    private readonly settings: RotationSettings,
  ) {
    this.trace = dependencies.trace ?? untraced;
  }

  /**
   * Rotates a leased grant. The caller has been admitted by the breaker and holds a place in the
   * limit; the place is given back as soon as the provider has answered. Never throws for trouble
   * with the provider.
   *
   * @throws StorageUnavailableError when the end of a failed attempt could not be noted
   */
  rotate(grant: ClaimedGrant, guarded: GuardedProvider): Promise<RotationEnd> {
    const traced = this.trace('rotation', { provider: grant.provider }, async (span) => {
      const end = await this.keepTrack(grant, guarded);
      span.set('outcome', end.kind);
      return end;
    });
    return this.dependencies.leases.during(grant, traced);
  }

  private async keepTrack(grant: ClaimedGrant, guarded: GuardedProvider): Promise<RotationEnd> {
    const askedAt = this.dependencies.clock.now();
    // By itself, not by its lease: all that were claimed together have the same.
    const begun = { grant, askedAt };
    this.underWay.add(begun);
    try {
      return await this.presentAndCommit(grant, guarded, askedAt);
    } finally {
      this.underWay.delete(begun);
    }
  }

  /** Grants whose tokens are being presented, or whose answers are being committed. */
  get leased(): ClaimedGrant[] {
    return [...this.underWay].map(({ grant }) => grant);
  }

  /** When the oldest of them was begun; undefined for none. */
  get oldest(): number | undefined {
    const times = [...this.underWay].map(({ askedAt }) => askedAt);
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
    if (commits.holds(grant) || this.dependencies.held.keeps(grant))
      return await this.abandon(grant, guarded, COMMIT_PENDING_RETRY_MS);
    const refreshToken = this.openRefreshToken(grant);
    if (refreshToken === FOREIGN) {
      await this.abandon(grant, guarded, FOREIGN_RETRY_MS);
      return { kind: 'foreign' };
    }
    if (refreshToken === undefined) return await this.unreadable(grant, guarded);
    const { era } = guarded.breaker;
    let issued: IssuedTokens;
    try {
      issued = await this.present(refreshToken, grant, guarded);
      guarded.breaker.succeeded(grantKeyText(grant), era);
      this.dependencies.trust.orderly(guarded, askedAt);
    } catch (error) {
      if (!(error instanceof ProviderError)) {
        // A fault of our own says nothing about the provider, but its breaker waits for a word.
        guarded.breaker.withdraw();
        throw error;
      }
      return await this.failed(grant, guarded, error, askedAt);
    } finally {
      listener.called(grant.provider, clock.now() - askedAt);
    }
    if (issued.droppedScopes !== undefined) listener.scopesDropped(grant, issued.droppedScopes);
    const result = this.result(grant, issued, askedAt);
    const { provider } = grant;
    const outcome = await this.trace('commit', { provider }, () => commits.add(result));
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
  private async present(
    refreshToken: string,
    grant: ClaimedGrant,
    { breaker, limit, provider }: GuardedProvider,
  ): Promise<IssuedTokens> {
    let listening = false;
    const answered = this.dependencies.clock.after(this.settings.providerTimeout, () => {
      breaker.overdue(grantKeyText(grant));
      listening = limit.listen();
    });
    let kept: ProviderAnswer | undefined;
    try {
      const issued = await provider.refresh(refreshToken, (answer) => {
        kept = answer;
      });
      // Somebody else's tokens must never be served; the answer is kept for operators to look at.
      if (kept && isOfAnother(issued, grant))
        throw new UnreadableAnswerError('other_subject', kept);
      return issued;
    } finally {
      answered();
      // The callback changes it, which the compiler does not see.
      if (listening as boolean) limit.heard();
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

  /** @returns undefined when the stored token can't be opened by anybody, so far as this one knows */
  private openRefreshToken(grant: ClaimedGrant): string | typeof FOREIGN | undefined {
    const { sealer, listener } = this.dependencies;
    try {
      if (grant.refreshToken === null) throw new Error('no refresh token');
      // Neither may a moved token be presented, nor may what was altered become the vault's own word.
      if (
        sealer.isOfAnother(grant.refreshToken, 'refresh_token', grant) ||
        sealer.isOfAnother(grant.accessToken, 'access_token', grant)
      ) {
        listener.refused(grant);
        return undefined;
      }
      return sealer.open(grant.refreshToken, 'refresh_token', grant);
    } catch (error) {
      // Health and metrics tell of a missing key: not each of its grants does.
      if (isUnknownKey(error)) return FOREIGN;
      this.dependencies.log.failure('grant.unreadable', error, names(grant));
      return undefined;
    }
  }

  /** Nothing was presented: no word about the provider, and no doubt that was not there before. */
  private async unreadable(grant: ClaimedGrant, guarded: GuardedProvider): Promise<RotationEnd> {
    guarded.breaker.withdraw();
    guarded.limit.leave();
    const error = new ProviderError('rejected', 'refresh_token_unreadable');
    const retryIn = waitUntilRetry(grant, error, true, this.dependencies.random);
    const { store } = this.dependencies;
    const attempt = { error: error.message, retryIn, inDoubt: grant.inDoubt, refused: false };
    await store.fail(grant, grant.leaseOwner ?? '', attempt);
    return { kind: 'failed', error, retryIn };
  }

  private result(grant: ClaimedGrant, issued: IssuedTokens, askedAt: number): RotationResult {
    const { provider, userId, connection, grantId, version } = grant;
    const { sealer, random } = this.dependencies;
    const expiresAt = issued.expiresIn === null ? null : askedAt + issued.expiresIn * 1000;
    // Said in so many words: the tokens are bound to them.
    const scopes = issued.scopes ?? grant.scopes;
    const consent = { ...consentOf(grant), scopes };
    const seal = (token: string, column: 'access_token' | 'refresh_token') =>
      sealer.seal(token, column, grant, consent);
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
      scopes,
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
    askedAt: number,
  ): Promise<RotationEnd> {
    const { store, listener, clock, held, history, trust } = this.dependencies;
    const { breaker } = guarded;
    const owner = grant.leaseOwner ?? '';
    const name = grantKeyText(grant);
    breaker.report(error, name, grant.inDoubt, answerWasLost(grant, askedAt));
    listener.failed(grant, error);
    if (error instanceof UnreadableAnswerError) {
      await held.keep(grant, error, askedAt);
      listener.held(grant, error);
      await trust.spent(guarded);
      return { kind: 'held' };
    }
    const alone = breaker.isTroubled(name);
    const { believable } = breaker;
    // A database that came back without its last seconds holds tokens that were used since.
    const inDoubtNow = grant.inDoubt || history.mayBeOutdated(grant.obtainedAt);
    const asked = { inDoubt: inDoubtNow, refusedSince: grant.refusedSince };
    const reason = reasonToGiveUp(asked, error, { believable, alone, now: clock.now() });
    if (reason) {
      const end = await store.retire(grant, owner, reason, error.reason, GIVEN_UP_AT_MOST);
      if (end === 'retired') listener.retired(grant, reason);
      if (end !== 'withheld') return { kind: 'retired' };
    }
    if (error.kind === 'invalid_grant' && !believable) trust.doubted(grant.provider);
    const inDoubt = grant.inDoubt || error.leavesDoubt;
    const retryIn = waitUntilRetry(grant, error, alone, this.dependencies.random);
    const refused = error.isRefusal;
    // Presented again it costs nothing more, and in a trouble of its own it says nothing of the provider.
    const spent = error.leavesDoubt && !grant.inDoubt && !alone;
    await store.fail(grant, owner, { error: error.message, retryIn, inDoubt, refused, spent });
    if (spent) await trust.spent(guarded);
    return { kind: 'failed', error, retryIn };
  }
}

/**
 * Whether the answer to an earlier call for it was lost, and a moment ago: one of minutes ago says nothing of
 * the provider as it is now. A process that was killed has left no failure behind.
 */
const answerWasLost = ({ failureCount, rotationStartedAt }: ClaimedGrant, askedAt: number) =>
  failureCount > 0 && askedAt - (rotationStartedAt ?? -Infinity) < JUST_LOST_MS;

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
