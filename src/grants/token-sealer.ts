import { Injectable } from '@nestjs/common';
import { Sealer } from '../encryption/index.js';
import type { Grant, GrantKey } from './grant.js';

/** The columns of `stitch_grants` that hold a sealed token, or an answer that may hold one. */
export type TokenColumn = 'access_token' | 'refresh_token' | 'held_answer';

/** What decides over a grant beside its tokens. */
export interface Consent {
  readonly grantId: string;
  readonly scopes: readonly string[];
  /** Whether it may be read: that it awaits nobody's confirmation. */
  readonly confirmed: boolean;
}

/** What of a grant's row its tokens are bound to. */
type BoundGrant = GrantKey & Pick<Grant, 'grantId' | 'scopes' | 'status'>;

/** Seals tokens for the one cell they belong to: moved to another row or column they don't open. */
@Injectable()
export class TokenSealer {
  constructor(private readonly sealer: Sealer) {}

  /** @param consent what is to be known of it later, see {@link isOfAnother} */
  seal(token: string, column: TokenColumn, key: GrantKey, consent?: Consent): Buffer {
    return this.sealer.seal(token, tokenContext(column, key), consent && termsOf(column, consent));
  }

  /**
   * Whether a token was sealed for another consent than that of the row in which it is: somebody
   * without the keyring has moved it, or changed the row. What a version before has sealed says
   * nothing of its consent, and counts as its own.
   *
   * @throws EncryptionError
   */
  isOfAnother(sealed: Buffer, column: TokenColumn, grant: BoundGrant): boolean {
    const context = tokenContext(column, grant);
    const compared = this.sealer.compareTerms(sealed, context, termsOf(column, consentOf(grant)));
    // Nor does what was never sealed at all.
    if (compared === 'unbound') this.sealer.open(sealed, context);
    return compared === 'other';
  }

  /** @throws EncryptionError */
  open(sealed: Buffer, column: TokenColumn, key: GrantKey): string {
    return this.sealer.open(sealed, tokenContext(column, key));
  }
}

/** The consent that a row shows. */
export const consentOf = ({ grantId, scopes, status }: BoundGrant): Consent => ({
  grantId,
  scopes,
  confirmed: status !== 'awaiting_confirmation',
});

/**
 * What a token is bound to beside its cell. A refresh token stays when scopes change or a consent is
 * confirmed, an access token is sealed anew; so that one names the consent alone, as does a kept answer.
 */
export const termsOf = (column: TokenColumn, { grantId, scopes, confirmed }: Consent): string[] =>
  column === 'access_token'
    ? [grantId, confirmed ? 'confirmed' : 'unconfirmed', scopes.join(' ')]
    : [grantId];

/** What a token is sealed for: names and column, and not the table, as it moves between tables. */
export const tokenContext = (column: TokenColumn, { provider, userId, connection }: GrantKey) => [
  'stitch_grants',
  column,
  provider,
  userId,
  connection,
];
