import { isUnknownKey } from '../encryption/index.js';
import { UnreadableAnswerError } from '../providers/index.js';
import type { GuardedProvider, IssuedTokens, ProviderAnswer } from '../providers/index.js';
import { grantKeyText } from '../grants/index.js';
import type { ClaimedGrant } from '../grants/index.js';
import type { RotationDependencies } from './rotation-dependencies.js';
import { isOfAnother } from './whose-answer.js';

/** Milliseconds until another look at a grant whose answer is being committed. */
const COMMIT_PENDING_RETRY_MS = 500;
/** Milliseconds in which a replica that has the key of a token may take it. */
const FOREIGN_RETRY_MS = 1000;

/** A refresh token that may be presented, or what keeps it from that. */
export type Presentable =
  | { readonly kind: 'token'; readonly token: string }
  /** Given back, to be looked at again in so many milliseconds. */
  | { readonly kind: 'not_now'; readonly dueIn: number }
  /** This replica lacks the key of the token. */
  | { readonly kind: 'foreign'; readonly dueIn: number }
  /** The stored token can't be opened by anybody, so far as this replica knows. */
  | { readonly kind: 'unreadable' };

type Needs = Pick<
  RotationDependencies,
  'clock' | 'commits' | 'held' | 'history' | 'listener' | 'log' | 'sealer'
>;

/**
 * The one place in which a refresh token is presented. It can be presented once, so that these hold
 * before: the claim was made of the database that is there now, and its lease outlasts the call; no answer
 * for the grant waits for its commit; the token was sealed for this row and no other.
 */
export class TokenPresentation {
  /** @param timeoutMs milliseconds for which readers wait for a call */
  constructor(
    private readonly dependencies: Needs,
    private readonly timeoutMs: number,
  ) {}

  /** Looks at what must hold, and opens the token. */
  prepare(grant: ClaimedGrant, now: number): Presentable {
    const { commits, held, history } = this.dependencies;
    const { epoch = history.epoch } = grant;
    if (epoch !== history.epoch || this.isTooLate(grant, now)) return { kind: 'not_now', dueIn: 0 };
    // Its answer is there after all: kept by an outage, or found in the spool of another process.
    if (commits.holds(grant) || held.keeps(grant)) {
      return { kind: 'not_now', dueIn: COMMIT_PENDING_RETRY_MS };
    }
    return this.open(grant);
  }

  /**
   * Presents a refresh token and listens for the answer. Beyond the time for which readers wait the
   * call takes no place of the others any more; whatever it brings is committed all the same.
   *
   * @throws ProviderError
   */
  async present(
    refreshToken: string,
    grant: ClaimedGrant,
    { breaker, limit, provider }: GuardedProvider,
  ): Promise<IssuedTokens> {
    let listening = false;
    const answered = this.dependencies.clock.after(this.timeoutMs, () => {
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
  private isTooLate(grant: ClaimedGrant, now: number): boolean {
    return (grant.leaseExpiresAt ?? 0) - now < this.timeoutMs + 1000;
  }

  private open(grant: ClaimedGrant): Presentable {
    const { sealer, listener, log } = this.dependencies;
    try {
      if (grant.refreshToken === null) throw new Error('no refresh token');
      // Neither may a moved token be presented, nor may what was altered become the vault's own word.
      if (
        sealer.isOfAnother(grant.refreshToken, 'refresh_token', grant) ||
        sealer.isOfAnother(grant.accessToken, 'access_token', grant)
      ) {
        listener.refused(grant);
        return { kind: 'unreadable' };
      }
      return { kind: 'token', token: sealer.open(grant.refreshToken, 'refresh_token', grant) };
    } catch (error) {
      // Health and metrics tell of a missing key: not each of its grants does.
      if (isUnknownKey(error)) return { kind: 'foreign', dueIn: FOREIGN_RETRY_MS };
      const { provider, userId, connection, version } = grant;
      log.failure('grant.unreadable', error, { provider, user_id: userId, connection, version });
      return { kind: 'unreadable' };
    }
  }
}
