import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { DEFAULT_CONNECTION, DEFAULT_PROVIDER, IsConnection, IsProvider } from '../common/index.js';
import type { GrantKey } from '../grants/index.js';
import type { ServedToken } from './token-opener.js';

/** Which of a user's grants is meant. */
export class GrantQuery {
  @ApiPropertyOptional({ default: DEFAULT_PROVIDER, example: DEFAULT_PROVIDER })
  @IsOptional()
  @IsProvider()
  provider?: string;

  @ApiPropertyOptional({ default: DEFAULT_CONNECTION, example: DEFAULT_CONNECTION })
  @IsOptional()
  @IsConnection()
  connection?: string;
}

/** What a reader may ask for. */
export class ReadTokenQuery extends GrantQuery {
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

  @ApiPropertyOptional({
    description: 'Scopes the token must have, separated by spaces.',
    example: 'accounts transactions',
  })
  @IsOptional()
  @IsString({ message: '$property must be scopes separated by spaces' })
  @Matches(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}( +[\x21\x23-\x5b\x5d-\x7e]{1,200}){0,49}$/, {
    message: '$property must be scopes separated by spaces',
  })
  scope?: string;
}

/** A caller's report that the API refused a token. */
export class RejectionDto extends GrantQuery {
  @ApiProperty({
    type: 'integer',
    minimum: 1,
    description: 'The version that was refused.',
    example: 42,
  })
  @IsInt({ message: '$property must be a whole number' })
  @Min(1, { message: '$property must be 1 or more' })
  @Max(Number.MAX_SAFE_INTEGER, { message: '$property is too large' })
  version!: number;
}

/** A valid bearer token. */
export class TokenDto {
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

  @ApiProperty({ example: DEFAULT_PROVIDER })
  provider!: string;

  @ApiProperty({ example: DEFAULT_CONNECTION })
  connection!: string;

  @ApiProperty({ type: 'integer', description: 'Grows with every rotation.', example: 42 })
  version!: number;

  @ApiPropertyOptional({
    type: 'integer',
    description: "The provider's own account number, where it has one.",
  })
  stitch_account_id?: number;
}

/** The grant that a request is about, defaults filled in. */
export const toGrantKey = (userId: string, query: GrantQuery): GrantKey => ({
  provider: query.provider ?? DEFAULT_PROVIDER,
  userId,
  connection: query.connection ?? DEFAULT_CONNECTION,
});

export function toTokenDto({ accessToken, grant, expiresIn }: ServedToken): TokenDto {
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresIn,
    expires_at: grant.expiresAt === null ? null : new Date(grant.expiresAt).toISOString(),
    scope: grant.scopes.join(' '),
    provider: grant.provider,
    connection: grant.connection,
    version: grant.version,
    ...(grant.accountId === null ? {} : { stitch_account_id: grant.accountId }),
  };
}
