import type { Grant } from '../grants/index.js';

/** Why somebody wants a new token now. */
export interface RefreshDemand {
  readonly kind: 'reader';
  /** Seconds. */
  readonly minTtl: number;
}

/** How a demand ended: the row as it is now, or why there is no new one. */
export type RefreshOutcome =
  | { readonly kind: 'grant'; readonly grant: Grant }
  | { readonly kind: 'gone' }
  /** `retryAfter` in milliseconds. */
  | { readonly kind: 'provider_unavailable'; readonly retryAfter: number }
  | { readonly kind: 'storage_unavailable' }
  /** This replica lacks the key that the refresh token is sealed under. */
  | { readonly kind: 'key_unavailable' };

/**
 * Gets a grant refreshed, once for any number of demands. Implemented by the refresher, which
 * imports this module; the read path knows no more of it than this.
 */
export abstract class GrantRefresher {
  /**
   * @param grant as the caller saw it; a newer version in the store answers the demand
   * @returns in bounded time
   */
  abstract refresh(grant: Grant, demand: RefreshDemand): Promise<RefreshOutcome>;
}
