import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import {
  BearerTokenDto,
  DEFAULT_CONNECTION,
  DEFAULT_PROVIDER,
  IsConnection,
  IsProvider,
  MinTtl,
  ScopeList,
} from '../common/index.js';
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
  @IsOptional()
  @MinTtl()
  min_ttl?: string;

  @IsOptional()
  @ScopeList({
    required: false,
    description: 'Scopes the token must have, separated by spaces.',
    example: 'accounts transactions',
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

/** A valid bearer token of a user. */
export class TokenDto extends BearerTokenDto {
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
