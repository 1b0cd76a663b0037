import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, Matches } from 'class-validator';

/** Items on one page unless a caller asks otherwise. */
const DEFAULT_LIMIT = 50;

/** `limit` of a request for one page of a list. */
export const PageLimit = () =>
  applyDecorators(
    ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 500, default: DEFAULT_LIMIT }),
    IsOptional(),
    Matches(/^([1-9]\d?|[1-4]\d{2}|500)$/, {
      message: '$property must be a whole number from 1 to 500',
    }),
  );

/** How many items a validated query asks for. */
export const pageLimit = ({ limit }: { readonly limit?: string }): number =>
  Number(limit ?? DEFAULT_LIMIT);
