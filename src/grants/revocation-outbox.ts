import type { Query } from '../database/index.js';
import type { GrantKey } from './grant.js';

/** A refresh token that nobody will use any more, sealed for the grant that had it. */
export interface RevocableToken extends GrantKey {
  readonly refreshToken: Buffer | null;
  /** Whom the provider knows the user as; null or undefined: not known. */
  readonly subject?: string | null;
}

/** Has tokens revoked at their provider later. Implemented by the refresher, which owns the table. */
export abstract class RevocationOutbox {
  /**
   * Writes tokens to the outbox, in the caller's transaction. Grants without a refresh token are
   * passed over.
   */
  abstract add(query: Query, tokens: readonly RevocableToken[]): Promise<void>;
}
