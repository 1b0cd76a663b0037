import type { Query } from '../database/index.js';

/** What a request becomes when its user has consented. */
export type ConsentedStatus = 'completed' | 'awaiting_confirmation';

/**
 * What storing a consent needs to know of its authorization request. Implemented by the folder that owns
 * their table, as a consent may also come without a request.
 */
export abstract class ConsentedRequests {
  /**
   * Locks a request in the caller's transaction.
   *
   * @returns how it stands, or undefined when it is not kept any more
   */
  abstract lock(
    id: string,
    query: Query,
  ): Promise<{ readonly status: string; readonly error: string | null } | undefined>;

  /**
   * Ends a claimed request in the caller's transaction.
   *
   * @returns false when it had ended before
   */
  abstract end(
    id: string,
    status: ConsentedStatus | 'failed',
    error: string | null,
    query: Query,
    about?: { readonly refreshable?: boolean },
  ): Promise<boolean>;
}
