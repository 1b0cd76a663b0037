import { ApiProperty } from '@nestjs/swagger';

/** The health document of @nestjs/terminus. */
export class HealthDto {
  @ApiProperty({ enum: ['ok', 'error', 'shutting_down'], example: 'ok' })
  status!: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: {
      type: 'object',
      properties: { status: { type: 'string', enum: ['up', 'down'] } },
      additionalProperties: true,
    },
    description: 'Each part and, where it is down, what to do.',
    example: { database: { status: 'up' }, migrations: { status: 'up' } },
  })
  details!: Record<string, unknown>;
}
