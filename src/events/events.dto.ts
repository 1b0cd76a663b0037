import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString } from 'class-validator';
import { EVENT_TYPES, PageLimit, invalidRequest } from '../common/index.js';
import type { EventType } from '../common/index.js';
import type { PlacedEvent } from './event.js';
import type { LogPlace } from './event-log.store.js';

const CURSOR = /^p([1-9]\d{0,17})$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Where to read on in the log. */
export class ListEventsQuery {
  @ApiPropertyOptional({
    description:
      '`next_cursor` of the page before, or the `id` of an event. From the start without.',
  })
  @IsOptional()
  @IsString({ message: '$property must be a cursor of this API or the id of an event' })
  after?: string;

  @PageLimit()
  limit?: string;
}

/** The grant that an event is about. */
export class EventDataDto {
  @ApiPropertyOptional({
    description: 'Missing in events about the database.',
    example: 'stitch-money',
  })
  provider?: string;

  @ApiPropertyOptional({
    description: 'Missing in events about a provider as a whole, or the database.',
    example: 'demo-user',
  })
  user_id?: string;

  @ApiPropertyOptional({ example: 'default' })
  connection?: string;

  @ApiPropertyOptional({
    type: [String],
    description: 'Granted scopes; missing where the provider knows none.',
    example: ['openid', 'accounts'],
  })
  scopes?: readonly string[];

  @ApiPropertyOptional({ description: 'Why.', example: 'grant_revoked' })
  reason?: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description: 'The authorization request that a linked grant came from.',
  })
  authorization_request?: string;

  @ApiPropertyOptional({
    type: 'integer',
    description: "By how much the database's clock was set; negative: back.",
    example: -3600,
  })
  seconds?: number;

  @ApiPropertyOptional({
    enum: [false],
    description: 'False in `grant.linked` where no refresh token came with a token that expires.',
  })
  refreshable?: false;

  @ApiPropertyOptional({
    format: 'date-time',
    description: 'In `grant.expiring`: from then on the user has to consent again.',
  })
  ends_at?: string;
}

/** Something that happened to a grant. */
export class EventDto {
  @ApiProperty({ format: 'uuid', description: 'The `webhook-id` of the same event.' })
  id!: string;

  @ApiProperty({ enum: EVENT_TYPES, example: 'grant.reauthorization_required' })
  type!: EventType;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Null in events about the database.',
    example: 'stitch-money',
  })
  provider!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Null in events about a provider as a whole, or the database.',
    example: 'demo-user',
  })
  user_id!: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'default' })
  connection!: string | null;

  @ApiProperty({ type: EventDataDto })
  data!: EventDataDto;
}

export class EventPageDto {
  @ApiProperty({ type: [EventDto] })
  items!: EventDto[];

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'Pass it as `after` to go on, also after the last page: what happens later comes behind it. ' +
      'Null only while there has never been anything to read.',
  })
  next_cursor!: string | null;
}

/** @throws VaultError 400 `invalid_request` */
export function toPlace(after: string | undefined): LogPlace | undefined {
  if (after === undefined) return undefined;
  const position = CURSOR.exec(after)?.[1];
  if (position !== undefined) return { position };
  if (UUID.test(after)) return { eventId: after };
  throw unknownPlace();
}

/** 400: `after` names no place in the log, or an event that is not kept any more. */
export const unknownPlace = () =>
  invalidRequest({ after: ['must be a cursor of this API or the id of an event that is kept'] });

/** A page of events, with the place to go on from. */
export function toEventPage(events: readonly PlacedEvent[], after?: string): EventPageDto {
  const last = events.at(-1);
  return {
    items: events.map(({ eventId, type, createdAt, data }) => ({
      id: eventId,
      type,
      created_at: createdAt.toISOString(),
      provider: data.provider ?? null,
      user_id: data.user_id ?? null,
      connection: data.connection ?? null,
      data,
    })),
    next_cursor: last ? `p${last.position}` : (after ?? null),
  };
}
