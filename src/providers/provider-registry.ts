import { SteadyClock, invalidRequest } from '../common/index.js';
import type { Clock } from '../common/index.js';
import { Breaker } from './breaker.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { RateCeiling } from './rate-ceiling.js';
import type { TokenProvider } from './token-provider.js';

/** A provider with what guards the calls to it. */
export interface GuardedProvider {
  readonly provider: TokenProvider;
  readonly breaker: Breaker;
  readonly limit: ConcurrencyLimit;
}

/** A provider whose calls in flight are as many as its breaker hears to end in order, and no more. */
export function guard(
  provider: TokenProvider,
  breaker: Breaker,
  clock: Pick<Clock, 'now'>,
  concurrency: number,
  perSecond?: RateCeiling,
): GuardedProvider {
  const limit = new ConcurrencyLimit(concurrency, perSecond, clock);
  breaker.onEnd = (end) => {
    limit.ended(end);
  };
  return { provider, breaker, limit };
}

/** The providers that are configured, by name. */
export class ProviderRegistry {
  private readonly byName: ReadonlyMap<string, GuardedProvider>;

  /**
   * @param concurrency calls in flight to one provider at most
   * @param perSecond calls per second to one provider at most
   */
  constructor(providers: readonly TokenProvider[], concurrency: number, perSecond = Infinity) {
    // Not the database's: a step of it, or a failover to a server whose clock differs, would prolong a
    // pause by as much, or end one that the provider asked for.
    const clock = new SteadyClock();
    this.byName = new Map(
      providers.map((provider) => [
        provider.name,
        guard(provider, new Breaker(clock), clock, concurrency, new RateCeiling(perSecond, clock)),
      ]),
    );
  }

  all(): GuardedProvider[] {
    return [...this.byName.values()];
  }

  find(name: string): GuardedProvider | undefined {
    return this.byName.get(name);
  }

  /** @throws VaultError 400 `invalid_request` for a provider that is unknown or off */
  require(name: string): GuardedProvider {
    const found = this.byName.get(name);
    if (!found) throw invalidRequest({ provider: ['must name a provider that is configured'] });
    return found;
  }
}
