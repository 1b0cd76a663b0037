import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { DEFAULT_PROVIDER } from '../common/index.js';
import type { ServedClientToken } from './client-token-reader.js';

/** Characters of `scope` at most: the set of scopes is part of a row's name. */
const LONGEST_SCOPE = 1000;

/** Which token a service asks for. */
export class ReadClientTokenQuery {
  @ApiProperty({
    description: 'The scopes that the token is to have, separated by spaces.',
    maxLength: LONGEST_SCOPE,
    example: 'client_paymentrequest',
  })
  @IsString({ message: '$property must be scopes separated by spaces' })
  @MaxLength(LONGEST_SCOPE, {
    message: `$property must be ${String(LONGEST_SCOPE)} characters at most`,
  })
  @Matches(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}( +[\x21\x23-\x5b\x5d-\x7e]{1,200}){0,49}$/, {
    message: '$property must be scopes separated by spaces',
  })
  scope!: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 3600,
    description: 'Seconds the token must have left; never more than 80 % of its lifetime.',
    example: 60,
  })
  @IsOptional()
  @Matches(/^(\d{1,3}|[12]\d{3}|3[0-5]\d{2}|3600)$/, {
    message: '$property must be a whole number from 0 to 3600',
  })
  min_ttl?: string;
}

/** A valid bearer token of the client itself. */
export class ClientTokenDto {
  @ApiProperty({ example: 'nXPh9P16drRQLnAmwy9Sf072U81KVNNa6iqduWX6kK4' })
  access_token!: string;

  @ApiProperty({ example: 'Bearer' })
  token_type!: string;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Seconds left, rounded down; null for a token that never expires.',
    example: 873,
  })
  expires_in!: number | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    example: '2026-11-21T12:00:00.000Z',
  })
  expires_at!: string | null;

  @ApiProperty({
    description: 'Granted scopes, separated by spaces.',
    example: 'client_paymentrequest',
  })
  scope!: string;

  @ApiProperty({ example: DEFAULT_PROVIDER })
  provider!: string;
}

export const toClientTokenDto = (served: ServedClientToken): ClientTokenDto => ({
  access_token: served.accessToken,
  token_type: 'Bearer',
  expires_in: served.expiresIn,
  expires_at: served.expiresAt === null ? null : new Date(served.expiresAt).toISOString(),
  scope: served.scopes.join(' '),
  provider: served.provider,
});
