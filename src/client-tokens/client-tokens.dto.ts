import { IsOptional, MaxLength } from 'class-validator';
import { BearerTokenDto, MinTtl, ScopeList } from '../common/index.js';
import type { ServedClientToken } from './client-token-reader.js';

/** Characters of `scope` at most: the set of scopes is part of a row's name. */
const LONGEST_SCOPE = 1000;

/** Which token a service asks for. */
export class ReadClientTokenQuery {
  @ScopeList({
    description: 'The scopes that the token is to have, separated by spaces.',
    maxLength: LONGEST_SCOPE,
    example: 'client_paymentrequest',
  })
  @MaxLength(LONGEST_SCOPE, {
    message: `$property must be ${String(LONGEST_SCOPE)} characters at most`,
  })
  scope!: string;

  @IsOptional()
  @MinTtl()
  min_ttl?: string;
}

/** A valid bearer token of the client itself. */
export class ClientTokenDto extends BearerTokenDto {}

export const toClientTokenDto = (served: ServedClientToken): ClientTokenDto => ({
  access_token: served.accessToken,
  token_type: 'Bearer',
  expires_in: served.expiresIn,
  expires_at: served.expiresAt === null ? null : new Date(served.expiresAt).toISOString(),
  scope: served.scopes.join(' '),
  provider: served.provider,
});
