import { ApiProperty, PickType } from '@nestjs/swagger';
import { GrantDto, toGrantDto } from '../grants/index.js';
import type { Grant } from '../grants/index.js';

/** What a user may know of one of their grants. */
export class UserGrantDto extends PickType(GrantDto, [
  'provider',
  'connection',
  'status',
  'reason',
  'scope',
  'expires_at',
  'obtained_at',
] as const) {}

export class UserGrantsDto {
  @ApiProperty({ type: [UserGrantDto] })
  items!: UserGrantDto[];
}

export function toUserGrantDto(grant: Grant): UserGrantDto {
  const { provider, connection, status, reason, scope, expires_at, obtained_at } =
    toGrantDto(grant);
  return { provider, connection, status, reason, scope, expires_at, obtained_at };
}
