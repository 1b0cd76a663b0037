import { untraced } from '../common/index.js';
import type { Trace } from '../common/index.js';
import { ProviderError } from '../providers/index.js';
import type { GuardedProvider, IssuedTokens } from '../providers/index.js';
import { grantKeyText } from '../grants/index.js';
import type { ClaimedGrant } from '../grants/index.js';
import { FailedRotation } from './failed-rotation.js';
import { TokenPresentation } from './present-token.js';
import { resultOf, rotated } from './rotation-answer.js';
import type {
  RotationDependencies,
  RotationEnd,
  RotationSettings,
} from './rotation-dependencies.js';

/**
 * One rotation from its lease to its end: call ({@link TokenPresentation}), then commit, then nothing is left
 * to do. The grant comes leased; the lease is gone when the rotation has ended, unless the process or
 * the database died, in which case it runs out and leaves the grant in doubt.
 */
export class Rotation {
  private readonly trace: Trace;
  private readonly presentation: TokenPresentation;
  private readonly failures: FailedRotation;
  /** Grants whose tokens are being presented, or whose answers are being committed. */
  private readonly underWay = new Set<{ readonly grant: ClaimedGrant; readonly askedAt: number }>();

  constructor(
    private readonly dependencies: RotationDependencies,
    private readonly settings: RotationSettings,
  ) {
    this.trace = dependencies.trace ?? untraced;
    this.presentation = new TokenPresentation(dependencies, settings.providerTimeout);
    this.failures = new FailedRotation(dependencies);
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

  /** Grants whose tokens are being presented, or whose answers are being committed. */
  get leased(): ClaimedGrant[] {
    return [...this.underWay].map(({ grant }) => grant);
  }

  /** When the oldest of them was begun; undefined for none. */
  get oldest(): number | undefined {
    const times = [...this.underWay].map(({ askedAt }) => askedAt);
    return times.length === 0 ? undefined : Math.min(...times);
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

  private async presentAndCommit(
    grant: ClaimedGrant,
    guarded: GuardedProvider,
    askedAt: number,
  ): Promise<RotationEnd> {
    const prepared = this.presentation.prepare(grant, askedAt);
    if (prepared.kind === 'unreadable') return await this.failures.unreadable(grant, guarded);
    if (prepared.kind !== 'token') {
      await this.giveBack(grant, guarded, prepared.dueIn);
      return { kind: prepared.kind === 'foreign' ? 'foreign' : 'abandoned' };
    }
    const { clock, listener, trust } = this.dependencies;
    const { era } = guarded.breaker;
    let issued: IssuedTokens;
    try {
      issued = await this.presentation.present(prepared.token, grant, guarded);
      guarded.breaker.succeeded(grantKeyText(grant), era);
      trust.orderly(guarded, askedAt);
    } catch (error) {
      if (!(error instanceof ProviderError)) {
        // A fault of our own says nothing about the provider, but its breaker waits for a word.
        guarded.breaker.withdraw();
        throw error;
      }
      return await this.failures.presented(grant, guarded, error, askedAt);
    } finally {
      listener.called(grant.provider, clock.now() - askedAt);
    }
    return await this.commit(grant, issued, askedAt);
  }

  /** It is written down before anything is waited for: see {@link CommitQueue}. */
  private async commit(
    grant: ClaimedGrant,
    issued: IssuedTokens,
    askedAt: number,
  ): Promise<RotationEnd> {
    const { cache, commits, listener } = this.dependencies;
    if (issued.droppedScopes !== undefined) listener.scopesDropped(grant, issued.droppedScopes);
    const result = resultOf(grant, issued, askedAt, this.settings.lead, this.dependencies);
    const { provider } = grant;
    const outcome = await this.trace('commit', { provider }, () => commits.add(result));
    listener.settled(grant, result, outcome);
    if (outcome.kind !== 'committed') return outcome;
    const renewed = rotated(grant, result, outcome.version);
    cache.renew(renewed);
    return { kind: 'committed', grant: renewed };
  }

  /** Gives back a lease under which nothing was presented. */
  private async giveBack(
    grant: ClaimedGrant,
    { breaker, limit }: GuardedProvider,
    dueIn: number,
  ): Promise<void> {
    breaker.withdraw();
    limit.leave();
    const { store } = this.dependencies;
    await store.release(grant, grant.leaseOwner ?? '', grant.inDoubt, dueIn);
  }
}
