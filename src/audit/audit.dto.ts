import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Matches } from 'class-validator';
import { IsProvider, IsUserId, PageLimit } from '../common/index.js';
import { AUDIT_TYPES } from './audit-event.js';
import type { AuditRow } from './audit-event.js';

/** Which events, and where to read on. */
export class ListAuditQuery {
  @ApiPropertyOptional({ description: 'Of this user only.', example: 'demo-user' })
  @IsOptional()
  @IsUserId()
  user_id?: string;

  @ApiPropertyOptional({ description: 'Of this client only; `operator` for commands.' })
  @IsOptional()
  @IsString({ message: '$property must be the name of a client' })
  @Matches(/^[A-Za-z0-9._-]{1,64}$/, { message: '$property must be the name of a client' })
  client?: string;

  @ApiPropertyOptional({ description: 'Of this provider only.' })
  @IsOptional()
  @IsProvider()
  provider?: string;

  @ApiPropertyOptional({ enum: AUDIT_TYPES })
  @IsOptional()
  @IsIn(AUDIT_TYPES, { message: `$property must be one of ${AUDIT_TYPES.join(', ')}` })
  type?: string;

  @ApiPropertyOptional({ description: '`next_cursor` of the page before. From the start without.' })
  @IsOptional()
  @Matches(/^p(0|[1-9]\d{0,14})$/, { message: '$property must be a next_cursor' })
  after?: string;

  @PageLimit()
  limit?: string;
}

/** What somebody did, or what somebody did so many times. */
export class AuditEventDto {
  @ApiProperty({ type: 'integer', description: 'Nothing appears later at an earlier position.' })
  position!: number;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ enum: AUDIT_TYPES, example: 'token.read' })
  type!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Who: a client, `operator` for a command; null for an unknown caller.',
    example: 'billing',
  })
  client!: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'stitch-money' })
  provider!: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'demo-user' })
  user_id!: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'default' })
  connection!: string | null;

  @ApiProperty({ type: 'integer', nullable: true, example: 42 })
  version!: number | null;

  @ApiProperty({ type: 'integer', description: 'How often it happened in about a second.' })
  count!: number;

  @ApiProperty({
    description:
      '`served`, or the `code` of the problem that was answered; for changes why, the client that ' +
      'was changed, or `done`.',
    example: 'served',
  })
  outcome!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Of a single request.' })
  request_id!: string | null;
}

export class AuditPageDto {
  @ApiProperty({ type: [AuditEventDto] })
  items!: AuditEventDto[];

  @ApiProperty({ description: 'Pass it as `after` to go on, also after the last page.' })
  next_cursor!: string;
}

/** The position that a cursor names. */
export const positionOf = (cursor: string | undefined): number => Number(cursor?.slice(1) ?? 0);

const toAuditEvent = (row: AuditRow): AuditEventDto => ({
  position: row.position,
  at: new Date(Number(row.at) / 1000).toISOString(),
  type: row.type,
  client: row.client,
  provider: row.provider,
  user_id: row.userId,
  connection: row.connection,
  version: row.version,
  count: row.count,
  outcome: row.outcome,
  request_id: row.requestId,
});

/** A page of events, with the place to go on from. */
export function toAuditPage(rows: readonly AuditRow[], after?: string): AuditPageDto {
  const last = rows.at(-1);
  return {
    items: rows.map(toAuditEvent),
    next_cursor: last ? `p${String(last.position)}` : (after ?? 'p0'),
  };
}
