import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import type { ApiPropertyOptions } from '@nestjs/swagger';
import { IsString, Matches } from 'class-validator';

/** `min_ttl` of a request for a token. */
export const MinTtl = () =>
  applyDecorators(
    ApiProperty({
      type: 'integer',
      required: false,
      minimum: 0,
      maximum: 3600,
      description: 'Seconds the token must have left; never more than 80 % of its lifetime.',
      example: 60,
    }),
    Matches(/^(\d{1,3}|[12]\d{3}|3[0-5]\d{2}|3600)$/, {
      message: '$property must be a whole number from 0 to 3600',
    }),
  );

/** Up to 50 scopes, separated by spaces (RFC 6749 section 3.3). */
export const ScopeList = (description: ApiPropertyOptions) =>
  applyDecorators(
    ApiProperty(description),
    IsString({ message: '$property must be scopes separated by spaces' }),
    Matches(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}( +[\x21\x23-\x5b\x5d-\x7e]{1,200}){0,49}$/, {
      message: '$property must be scopes separated by spaces',
    }),
  );

/** A valid bearer token of a provider (RFC 6750). */
export class BearerTokenDto {
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

  @ApiProperty({ description: 'Granted scopes, separated by spaces.', example: 'openid accounts' })
  scope!: string;

  @ApiProperty({ example: 'stitch-money' })
  provider!: string;
}
