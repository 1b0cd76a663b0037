import { ApiProperty } from '@nestjs/swagger';
import { GRANT_STATUSES } from '../grants/index.js';
import type { Grant, GrantStatus } from '../grants/index.js';

/** What a user may know of one of their grants. */
export class UserGrantDto {
  @ApiProperty({ example: 'stitch-money' })
  provider!: string;

  @ApiProperty({ example: 'default' })
  connection!: string;

  @ApiProperty({ enum: GRANT_STATUSES, example: 'active' })
  status!: GrantStatus;

  @ApiProperty({ type: String, nullable: true })
  reason!: string | null;

  @ApiProperty({ example: 'openid accounts offline_access' })
  scope!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  expires_at!: string | null;

  @ApiProperty({ format: 'date-time' })
  obtained_at!: string;
}

export class UserGrantsDto {
  @ApiProperty({ type: [UserGrantDto] })
  items!: UserGrantDto[];
}

export const toUserGrantDto = (grant: Grant): UserGrantDto => ({
  provider: grant.provider,
  connection: grant.connection,
  status: grant.status,
  reason: grant.reason,
  scope: grant.scopes.join(' '),
  expires_at: grant.expiresAt === null ? null : new Date(grant.expiresAt).toISOString(),
  obtained_at: new Date(grant.obtainedAt).toISOString(),
});
