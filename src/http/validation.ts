import { ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata, ValidationError } from '@nestjs/common';
import { invalidRequest } from '../common/index.js';
import type { FieldErrors } from '../common/index.js';

const UNKNOWN = 'is not known here';
/** Levels of a body at most: the deepest legitimate one has two. */
const MAX_DEPTH = 8;

/**
 * Nest's pipe, with three additions. Deep bodies are refused first: the transformer walks them
 * recursively, and a few thousand brackets would cost it the stack. Members such as `__proto__` are
 * refused by name: they are dropped before anything looks for unknown ones. And a query without
 * parameters, which most reads have, is transformed and validated once for each class, not for each
 * request: what comes of it is always the same (decision 0013).
 */
class RequestValidationPipe extends ValidationPipe {
  /** What each class makes of a query without parameters. A class that refuses one is not in here. */
  private readonly withoutParameters = new WeakMap<object, unknown>();

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const { type, metatype } = metadata;
    if (isDeeperThan(MAX_DEPTH, value)) throw invalidRequest({ [type]: ['is nested too deep'] });
    const validated = metatype && this.toValidate(metadata);
    if (type !== 'query' || !validated || !isEmptyObject(value)) {
      if (validated) refuseInherited(value);
      return (await super.transform(value, metadata)) as unknown;
    }
    const known = this.withoutParameters.get(metatype);
    if (known !== undefined) return known;
    // Frozen: later requests get the same object.
    const made: unknown = Object.freeze(await super.transform(value, metadata));
    this.withoutParameters.set(metatype, made);
    return made;
  }
}

/** Refuses members that every object inherits, and the other one that Nest's pipe takes off. */
function refuseInherited(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const names = Object.keys(value).filter(
    (name) => name in Object.prototype || name === 'prototype',
  );
  if (names.length === 0) return;
  throw invalidRequest(Object.fromEntries(names.map((name) => [name, [UNKNOWN]])));
}

const isEmptyObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member) => isDeeperThan(levels - 1, member));
}

/** Only declared members are let through, and every problem is named by field (RFC 9457). */
export const validationPipe = (): ValidationPipe =>
  new RequestValidationPipe({
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
        kind === 'whitelistValidation' ? UNKNOWN : message,
      ),
    ]),
  );
}
