import type { Log } from '../common/index.js';
import { isUnknownKey } from '../encryption/index.js';
import { ProviderError } from '../providers/index.js';
import type { GuardedProvider } from '../providers/index.js';
import { grantKeyText } from '../grants/index.js';
import type { ClaimedGrant, RotationStore, TokenSealer } from '../grants/index.js';

/** Milliseconds: the wait after the first failed check, and the longest. */
const FIRST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 3_600_000;

/**
 * Tries suspended tokens that may come back to life, at growing intervals. A 401 may be undone
 * later (a key enabled again), so it suspends and does not delete (STITCH-FACTS, section 2).
 */
export class Reinstatement {
  constructor(
    private readonly store: Pick<RotationStore, 'fail' | 'release' | 'reinstate'>,
    private readonly sealer: Pick<TokenSealer, 'open'>,
    private readonly log: Log,
  ) {}

  /** Checks a leased grant; one whose key is elsewhere is left to who has it. @throws StorageUnavailableError when its end could not be noted */
  async check(grant: ClaimedGrant, guarded: GuardedProvider): Promise<void> {
    const { provider, breaker, limit } = guarded;
    if (!provider.verify || !breaker.admit()) {
      const wait = provider.verify ? breaker.wait : null;
      await this.store.release(grant, grant.leaseOwner ?? '', false, wait);
      return;
    }
    const { era } = breaker;
    limit.enter();
    let error = 'unauthorized';
    try {
      const token = this.sealer.open(grant.accessToken, 'access_token', grant);
      const accepted = await provider.verify(token);
      breaker.succeeded(grantKeyText(grant), era);
      if (accepted) {
        await this.reinstate(grant);
        return;
      }
    } catch (failure) {
      if (isUnknownKey(failure)) {
        breaker.withdraw();
        await this.store.release(grant, grant.leaseOwner ?? '', false, FIRST_WAIT_MS);
        return;
      }
      if (!(failure instanceof ProviderError)) {
        breaker.withdraw();
        throw failure;
      }
      breaker.report(failure, grantKeyText(grant));
      error = failure.message;
    } finally {
      limit.leave();
    }
    const retryIn = Math.min(
      LONGEST_WAIT_MS,
      FIRST_WAIT_MS * 2 ** Math.min(grant.failureCount, 10),
    );
    await this.store.fail(grant, grant.leaseOwner ?? '', {
      error,
      retryIn,
      inDoubt: false,
      refused: false,
    });
  }

  private async reinstate(grant: ClaimedGrant): Promise<void> {
    if (!(await this.store.reinstate(grant, grant.leaseOwner ?? ''))) return;
    this.log.event('info', 'grant.reinstated', {
      provider: grant.provider,
      user_id: grant.userId,
      connection: grant.connection,
    });
  }
}
