import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsEmail, IsIn, IsOptional } from 'class-validator';
import { IsFormText, IsUserId } from '../common/index.js';

/** Where stitchdata.com keeps an account's data. */
const REGIONS = ['us-east-1', 'eu-central-1'] as const;
export const DEFAULT_REGION = 'us-east-1';

export class CreateAccountDto {
  @ApiProperty({ example: 'demo-user' })
  @IsUserId()
  user_id!: string;

  @ApiProperty({ example: 'Ann' })
  @IsFormText()
  first_name!: string;

  @ApiProperty({ example: 'Example' })
  @IsFormText()
  last_name!: string;

  @ApiProperty({ example: 'Example Ltd' })
  @IsFormText()
  company!: string;

  @ApiProperty({ example: 'ann@example.com' })
  @IsEmail({}, { message: '$property must be an email address' })
  email!: string;

  @ApiPropertyOptional({ enum: REGIONS, default: DEFAULT_REGION })
  @IsOptional()
  @IsIn(REGIONS, { message: `$property must be one of ${REGIONS.join(', ')}` })
  region?: string;
}

export class AccountDto {
  @ApiProperty({ type: 'integer', example: 100042 })
  stitch_account_id!: number;
}

export class CreateSessionDto {
  @ApiProperty({ example: 'demo-user' })
  @IsUserId()
  user_id!: string;
}

export class SessionDto {
  @ApiProperty({ description: 'Works once, within an hour; never stored.' })
  ephemeral_token!: string;

  @ApiProperty({ type: 'integer', example: 3600 })
  expires_in!: number;
}
