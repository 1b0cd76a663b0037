import type { Clock } from '../common/index.js';
import type { ProviderError } from './provider-error.js';

/** Failures in a row after which a provider counts as down. */
const THRESHOLD = 5;
/** Milliseconds: the first pause, and the longest that we choose ourselves. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 4000;
/** Milliseconds: the longest pause that a provider's `Retry-After` is followed for. */
const LONGEST_ASKED = 900_000;

export type BreakerState = 'closed' | 'open' | 'half_open';

/**
 * Circuit breaker of one provider. Closed: calls pass. Open: nobody calls until the pause is over.
 * Half open: one call at a time finds out whether the provider is back. Pauses grow exponentially
 * with jitter, up to a few seconds, so that an outage costs a few calls and its end is
 * noticed soon. 429 and a refusal of our own credentials open it at once.
 *
 * Our own rather than a library's because the simulation must drive it by a fake clock, and
 * because pauses that the provider asks for are half of what it does.
 */
export class Breaker {
  private failures = 0;
  private pauses = 0;
  private openUntil = 0;
  private probing = false;

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number = Math.random,
  ) {}

  get state(): BreakerState {
    if (this.pauses === 0) return 'closed';
    return this.clock.now() < this.openUntil ? 'open' : 'half_open';
  }

  /** Milliseconds until a call is worth trying; 0 when it may be tried now. */
  get wait(): number {
    if (this.pauses === 0) return 0;
    const left = this.openUntil - this.clock.now();
    if (left > 0) return left;
    return this.probing ? FIRST_PAUSE : 0;
  }

  /** Asks to make one call; whoever is admitted must report its end. */
  admit(): boolean {
    if (this.wait > 0) return false;
    if (this.pauses > 0) this.probing = true;
    return true;
  }

  /** The admitted call was not made after all. */
  withdraw(): void {
    this.probing = false;
  }

  /** The provider answered, whatever it thought of the request. */
  succeeded(): void {
    // A call that was in flight when the provider asked for a pause does not end it.
    if (this.pauses > 0 && this.clock.now() < this.openUntil) return;
    this.failures = 0;
    this.pauses = 0;
    this.probing = false;
  }

  /** The admitted call failed: for the provider's fault, or for the request's own. */
  report(error: ProviderError): void {
    if (error.concernsProvider) this.failed(error);
    else this.succeeded();
  }

  private failed(error: ProviderError): void {
    this.probing = false;
    this.failures += 1;
    const atOnce = error.kind === 'rate_limited' || error.kind === 'invalid_client';
    const tolerated = this.pauses === 0 && this.failures < THRESHOLD;
    if (!atOnce && error.retryAfter === undefined && tolerated) return;
    const now = this.clock.now();
    const asked = now + Math.min(error.retryAfter ?? 0, LONGEST_ASKED);
    if (this.pauses > 0 && now < this.openUntil) {
      // Calls that were in flight when it opened: they must not prolong our own pause one by one.
      this.openUntil = Math.max(this.openUntil, asked);
      return;
    }
    const own = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.pauses, 10));
    this.pauses += 1;
    this.openUntil = Math.max(now + own * (0.5 + this.random() / 2), asked);
  }
}
