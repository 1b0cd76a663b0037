import { applyDecorators } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import { REAUTHORIZATION_REASONS } from '../common/index.js';
import { problemExamples } from './problem-examples.js';

/** The problem document of RFC 9457, for the API description. */
class ProblemDto {
  @ApiProperty({ example: 'urn:stitch-token-vault:problem:token_not_found' })
  type!: string;

  @ApiProperty({ example: 'Token not found' })
  title!: string;

  @ApiProperty({ example: 404 })
  status!: number;

  @ApiProperty({ example: 'This user has not linked this.' })
  detail!: string;

  @ApiProperty({ description: 'Stable; branch on this.', example: 'token_not_found' })
  code!: string;

  @ApiPropertyOptional({
    description: 'Why the user must consent again.',
    enum: REAUTHORIZATION_REASONS,
  })
  reason?: string;

  @ApiPropertyOptional({ type: [String], description: 'Scopes asked for but not granted.' })
  missing_scopes?: string[];

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'array', items: { type: 'string' } },
    description: 'What is wrong, by field.',
  })
  errors?: Record<string, string[]>;
}

/** How the API description tells of a problem: in words that name its codes, with an example of each. */
export const describedProblem = (status: number, description: string) => ({
  description,
  content: {
    'application/problem+json': {
      schema: { $ref: getSchemaPath(ProblemDto) },
      examples: problemExamples(status, description),
    },
  },
});

/** Documents the problem answers of a route: status → codes, in words. */
export const ApiProblems = (problems: Readonly<Record<number, string>>) =>
  applyDecorators(
    ApiExtraModels(ProblemDto),
    ...Object.entries(problems).map(([status, description]) =>
      ApiResponse({ status: Number(status), ...describedProblem(Number(status), description) }),
    ),
  );
