import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString } from 'class-validator';
import {
  CONNECTION,
  IsProvider,
  IsUserId,
  PROVIDER,
  PageLimit,
  USER_ID,
  invalidRequest,
} from '../common/index.js';
import { GRANT_STATUSES } from './grant.js';
import type { Grant, GrantKey, GrantStatus } from './grant.js';

/** Which grants to list. */
export class ListGrantsQuery {
  @ApiPropertyOptional({ example: 'stitch-money' })
  @IsOptional()
  @IsProvider()
  provider?: string;

  @ApiPropertyOptional({ enum: GRANT_STATUSES })
  @IsOptional()
  @IsIn(GRANT_STATUSES, { message: `$property must be one of ${GRANT_STATUSES.join(', ')}` })
  status?: GrantStatus;

  @ApiPropertyOptional({ example: 'demo-user' })
  @IsOptional()
  @IsUserId()
  user_id?: string;

  @PageLimit()
  limit?: string;

  @ApiPropertyOptional({ description: '`next_cursor` of the page before.' })
  @IsOptional()
  @IsString({ message: '$property must be a cursor of this API' })
  cursor?: string;
}

/** A grant without its tokens. */
export class GrantDto {
  @ApiProperty({ example: 'stitch-money' })
  provider!: string;

  @ApiProperty({ example: 'demo-user' })
  user_id!: string;

  @ApiProperty({ example: 'default' })
  connection!: string;

  @ApiProperty({ enum: GRANT_STATUSES, example: 'active' })
  status!: GrantStatus;

  @ApiProperty({ type: String, nullable: true })
  reason!: string | null;

  @ApiProperty({ example: 'openid accounts offline_access' })
  scope!: string;

  @ApiProperty({ format: 'date-time' })
  obtained_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  expires_at!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  refresh_due_at!: string | null;

  @ApiProperty({ type: 'integer', example: 42 })
  version!: number;

  @ApiProperty({ type: 'integer', example: 0 })
  failure_count!: number;

  @ApiProperty({ type: String, nullable: true })
  last_error!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  last_read_at!: string | null;
}

export class GrantPageDto {
  @ApiProperty({ type: [GrantDto] })
  items!: GrantDto[];

  @ApiProperty({ type: String, nullable: true, description: 'Null at the end.' })
  next_cursor!: string | null;
}

const time = (milliseconds: number | null): string | null =>
  milliseconds === null ? null : new Date(milliseconds).toISOString();

export const toGrantDto = (grant: Grant): GrantDto => ({
  provider: grant.provider,
  user_id: grant.userId,
  connection: grant.connection,
  status: grant.status,
  reason: grant.reason,
  scope: grant.scopes.join(' '),
  obtained_at: new Date(grant.obtainedAt).toISOString(),
  expires_at: time(grant.expiresAt),
  refresh_due_at: time(grant.refreshDueAt),
  version: grant.version,
  failure_count: grant.failureCount,
  last_error: grant.lastError,
  last_read_at: time(grant.lastReadAt),
});

/** The place after a grant, as an opaque word. */
export const toCursor = ({ provider, userId, connection }: GrantKey): string =>
  Buffer.from(JSON.stringify([provider, userId, connection])).toString('base64url');

/** @throws VaultError 400 `invalid_request` for a word that is no cursor */
export function fromCursor(cursor: string | undefined): GrantKey | undefined {
  if (cursor === undefined) return undefined;
  try {
    const names: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const [provider, userId, connection] = Array.isArray(names) ? names.map(String) : [];
    if (
      PROVIDER.test(provider ?? '') &&
      USER_ID.test(userId ?? '') &&
      CONNECTION.test(connection ?? '')
    ) {
      return { provider: provider ?? '', userId: userId ?? '', connection: connection ?? '' };
    }
  } catch {
    // Not JSON: no cursor of ours, as below.
  }
  throw invalidRequest({ cursor: ['must be a cursor of this API'] });
}
