import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  MaxLength,
} from 'class-validator';
import {
  DEFAULT_CONNECTION,
  DEFAULT_PROVIDER,
  IsConnection,
  IsFormText,
  IsProvider,
  IsUserId,
} from '../common/index.js';
import { REQUEST_STATUSES } from './request-status.js';
import type { RequestStatus } from './request-status.js';
import type { RequestView } from './request.store.js';

/** The request that a path names. */
export class RequestPath {
  @ApiProperty({ format: 'uuid' })
  @IsUUID('all', { message: '$property must be a UUID' })
  id!: string;
}

/** Whose requests. */
export class RequestsQuery {
  @ApiProperty({ description: '1 to 255 visible characters', example: 'demo-user' })
  @IsUserId()
  user_id!: string;
}

export class CreateAuthorizationRequestDto {
  @ApiProperty({ description: '1 to 255 visible characters', example: 'demo-user' })
  @IsUserId()
  user_id!: string;

  @ApiPropertyOptional({ default: DEFAULT_PROVIDER, example: DEFAULT_PROVIDER })
  @IsOptional()
  @IsProvider()
  provider?: string;

  @ApiPropertyOptional({ default: DEFAULT_CONNECTION, example: DEFAULT_CONNECTION })
  @IsOptional()
  @IsConnection()
  connection?: string;

  @ApiPropertyOptional({
    type: [String],
    description: "Scopes to ask the user for; the provider's defaults when missing.",
    example: ['openid', 'accounts', 'offline_access'],
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.split(' ').filter(Boolean) : value,
  )
  @IsArray({ message: '$property must be a list of scopes' })
  @ArrayNotEmpty({ message: '$property must not be empty' })
  @ArrayMaxSize(50, { message: '$property must name 50 scopes at most' })
  @Matches(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/, {
    each: true,
    message: 'each of $property must be a scope token (RFC 6749 section 3.3)',
  })
  scopes?: string[];

  @ApiPropertyOptional({
    description:
      'Where to send the browser afterwards: a URL of an allow-listed origin, or exactly an ' +
      'allow-listed URI of an app (RFC 8252 section 7.1). `authorization_request` and `status` are ' +
      'added to its query, which must have neither.',
    example: 'https://app.example.com/linked',
  })
  @IsOptional()
  @IsString({ message: '$property must be a URL' })
  @MaxLength(2000, { message: '$property must have 2000 characters at most' })
  return_to?: string;

  @ApiPropertyOptional({
    default: false,
    description:
      'The new grant stays unreadable until it is confirmed for the same user, within an hour; ' +
      'an earlier one of that name stays in use until then.',
  })
  @IsOptional()
  @IsBoolean({ message: '$property must be true or false' })
  confirm?: boolean;

  @ApiPropertyOptional({ description: 'stitch-connect: fills the sign-up form.' })
  @IsOptional()
  @IsFormText()
  email?: string;

  @ApiPropertyOptional({ description: 'stitch-connect: fills the sign-up form.' })
  @IsOptional()
  @IsFormText()
  first_name?: string;

  @ApiPropertyOptional({ description: 'stitch-connect: fills the sign-up form.' })
  @IsOptional()
  @IsFormText()
  last_name?: string;

  @ApiPropertyOptional({ description: 'stitch-connect: fills the sign-up form.' })
  @IsOptional()
  @IsFormText()
  company?: string;
}

/** The members that fill a sign-up form, those that are there. */
export function prefillOf(body: CreateAuthorizationRequestDto): Record<string, string> {
  const { email, first_name, last_name, company } = body;
  const given = Object.entries({ email, first_name, last_name, company });
  return Object.fromEntries(
    given.filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

/** Who the user is that came back from consenting, by the caller's own session. */
export class ConfirmDto {
  @ApiProperty({ description: '1 to 255 visible characters', example: 'demo-user' })
  @IsUserId()
  user_id!: string;
}

export class AuthorizationRequestCreatedDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({
    description: "Send the user's browser here.",
    example: 'https://secure.stitch.money/connect/authorize?client_id=…',
  })
  authorization_url!: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-21T12:00:00.000Z' })
  expires_at!: string;
}

export class AuthorizationRequestDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ example: 'demo-user' })
  user_id!: string;

  @ApiProperty({ example: DEFAULT_PROVIDER })
  provider!: string;

  @ApiProperty({ example: DEFAULT_CONNECTION })
  connection!: string;

  @ApiProperty({ enum: REQUEST_STATUSES, example: 'completed' })
  status!: RequestStatus;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  expires_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  completed_at!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'Why it failed or was denied; `confirmation_expired` when nobody confirmed in time.',
  })
  error!: string | null;

  @ApiProperty({
    type: Boolean,
    nullable: true,
    description:
      'Whether what was linked came with a refresh token; without one the user has to consent ' +
      'again once it expires. Null until it is linked.',
  })
  refreshable!: boolean | null;
}

export class AuthorizationRequestListDto {
  @ApiProperty({ type: [AuthorizationRequestDto] })
  items!: AuthorizationRequestDto[];
}

export const toRequestDto = (view: RequestView): AuthorizationRequestDto => ({
  id: view.id,
  user_id: view.userId,
  provider: view.provider,
  connection: view.connection,
  status: view.status,
  created_at: view.createdAt.toISOString(),
  expires_at: view.expiresAt.toISOString(),
  completed_at: view.completedAt?.toISOString() ?? null,
  error: view.error,
  refreshable: view.refreshable,
});
