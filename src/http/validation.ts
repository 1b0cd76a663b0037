import { ValidationPipe } from '@nestjs/common';
import type { ValidationError } from '@nestjs/common';
import { invalidRequest } from '../common/index.js';
import type { FieldErrors } from '../common/index.js';

/** Only declared members are let through, and every problem is named by field (RFC 9457). */
export const validationPipe = (): ValidationPipe =>
  new ValidationPipe({
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
