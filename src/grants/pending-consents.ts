import type { Query } from '../database/index.js';
import type { GrantKey } from './grant.js';

/**
 * What the grants need to know of authorization requests. Implemented by the folder that owns their
 * table, as grants know nothing of how a consent is obtained.
 */
export abstract class PendingConsents {
  /**
   * Ends the requests for this name whose users have come back from the provider already, in the
   * caller's transaction: what such a consent brings is not stored.
   */
  abstract end(query: Query, key: GrantKey): Promise<void>;

  /**
   * Ends every request of a user that has not ended, in the caller's transaction: `failed`, `deleted`.
   *
   * @returns how many
   */
  abstract endAll(query: Query, userId: string): Promise<number>;

  /** Those of these requests that can still be confirmed. */
  abstract confirmable(query: Query, requestIds: readonly string[]): Promise<ReadonlySet<string>>;
}
