import { ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata, ValidationError } from '@nestjs/common';
import { invalidRequest } from '../common/index.js';
import type { FieldErrors } from '../common/index.js';

/** Levels of a body at most: the deepest legitimate one has two. */
const MAX_DEPTH = 8;

/**
 * Refuses deep bodies first: the transformer walks them recursively, and a few thousand brackets
 * would cost it the stack.
 */
class ShallowValidationPipe extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (isDeeperThan(MAX_DEPTH, value)) throw invalidRequest({}, 'The request is nested too deep.');
    return (await super.transform(value, metadata)) as unknown;
  }
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member) => isDeeperThan(levels - 1, member));
}

/** Only declared members are let through, and every problem is named by field (RFC 9457). */
export const validationPipe = (): ValidationPipe =>
  new ShallowValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) => invalidRequest(byField(errors)),
  });

function byField(errors: readonly ValidationError[]): FieldErrors {
  return Object.fromEntries(
    errors.map(({ property, constraints }) => [
      property.slice(0, 100),
      Object.entries(constraints ?? { invalid: 'is malformed' }).map(([kind, message]) =>
        kind === 'whitelistValidation' ? 'is not known here' : message,
      ),
    ]),
  );
}
