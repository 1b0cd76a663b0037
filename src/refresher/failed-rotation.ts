import { ProviderError, UnreadableAnswerError } from '../providers/index.js';
import type { GuardedProvider } from '../providers/index.js';
import { grantKeyText } from '../grants/index.js';
import type { ClaimedGrant } from '../grants/index.js';
import { reasonToGiveUp } from './give-up.js';
import { waitUntilRetry } from './retry-pace.js';
import type { RotationDependencies, RotationEnd } from './rotation-dependencies.js';

/**
 * Grants of one provider that may be given up between two calls in order, by all replicas together:
 * a fault of the provider can't be told from users who withdraw by fewer.
 */
const GIVEN_UP_AT_MOST = 4;
/** Milliseconds within which a doubt is presented again at once. */
const JUST_LOST_MS = 5000;

type Needs = Pick<
  RotationDependencies,
  'clock' | 'held' | 'history' | 'listener' | 'random' | 'store' | 'trust'
>;

/** What follows when a rotation brought no tokens: for the grant, and for what is thought of its provider. */
export class FailedRotation {
  constructor(private readonly dependencies: Needs) {}

  /** Nothing was presented: no word about the provider, and no doubt that was not there before. */
  async unreadable(grant: ClaimedGrant, { breaker, limit }: GuardedProvider): Promise<RotationEnd> {
    breaker.withdraw();
    limit.leave();
    const { store, random } = this.dependencies;
    const error = new ProviderError('rejected', 'refresh_token_unreadable');
    const retryIn = waitUntilRetry(grant, error, true, random);
    const attempt = { error: error.message, retryIn, inDoubt: grant.inDoubt, refused: false };
    await store.fail(grant, grant.leaseOwner ?? '', attempt);
    return { kind: 'failed', error, retryIn };
  }

  /**
   * The token was presented, or was to be.
   *
   * @param askedAt milliseconds since the epoch
   */
  async presented(
    grant: ClaimedGrant,
    guarded: GuardedProvider,
    error: ProviderError,
    askedAt: number,
  ): Promise<RotationEnd> {
    const { store, listener, clock, held, history, trust, random } = this.dependencies;
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
      // One that was tried once more stays what it was.
      const isNew = grant.status !== 'reauthorization_required';
      if (end === 'retired' && isNew) listener.retired(grant, reason);
      if (end !== 'withheld') return { kind: 'retired' };
    }
    if (error.kind === 'invalid_grant' && !believable) trust.doubted(grant.provider);
    const inDoubt = grant.inDoubt || error.leavesDoubt;
    const retryIn = waitUntilRetry(grant, error, alone, random);
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
