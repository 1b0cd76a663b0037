import { HttpException } from '@nestjs/common';
import { VaultError, keyUnavailable } from '../common/index.js';
import type { ErrorCode } from '../common/index.js';
import type { ErrorAnswer } from './error-renderer.js';

/** Code, title and detail of the errors that Node, Fastify and Nest raise, by status. */
const BY_STATUS: Readonly<
  Record<number, readonly [code: ErrorCode, title: string, detail: string]>
> = {
  400: ['invalid_request', 'Invalid request', 'The request is malformed.'],
  403: ['forbidden', 'Forbidden', 'This is not allowed.'],
  404: ['not_found', 'Not found', 'There is nothing at this address.'],
  405: ['method_not_allowed', 'Method not allowed', 'This address knows other methods.'],
  408: ['request_timeout', 'Request timeout', 'The request did not arrive in time.'],
  413: ['payload_too_large', 'Payload too large', 'The body is too large.'],
  414: ['uri_too_long', 'URI too long', 'The URL is too long.'],
  415: ['unsupported_media_type', 'Unsupported media type', 'A body must be JSON in UTF-8.'],
  417: ['expectation_failed', 'Expectation failed', 'Only 100-continue may be expected.'],
  431: ['header_fields_too_large', 'Header fields too large', 'URL and header are too large.'],
};

/** What an error of Node, Fastify or Nest means, by its status. */
export function errorOfStatus(status: number, cause?: unknown): VaultError {
  const [code, title, detail] = BY_STATUS[status] ?? [
    'invalid_request',
    'Invalid request',
    'The request cannot be answered.',
  ];
  const errors = status === 400 ? { errors: { request: ['is malformed'] } } : {};
  return new VaultError(status, code, title, detail, { cause, ...errors });
}

/** Any error as a {@link VaultError}; one that nobody foresaw as a bare 500. */
export function toVaultError(error: unknown): VaultError {
  if (error instanceof VaultError) return error;
  if (isUnknownKey(error)) return keyUnavailable(error);
  const status =
    error instanceof HttpException
      ? error.getStatus()
      : Number((error as { statusCode?: unknown } | null)?.statusCode ?? 500);
  if (status >= 400 && status < 500) return errorOfStatus(status, error);
  return new VaultError(500, 'internal_error', 'Internal error', 'Something went wrong here.', {
    cause: error,
  });
}

/** By its code, which is stable: this folder does not know who sealed what. */
const isUnknownKey = (error: unknown): boolean =>
  error instanceof Error && error.name === 'EncryptionError' && codeOf(error) === 'unknown_key';

const codeOf = (error: Error): unknown => (error as { code?: unknown }).code;

/** The body of RFC 9457. `code` is the stable member; `type` spells it as a URN. */
export function problemDocument(error: VaultError): Record<string, unknown> {
  return {
    type: `urn:stitch-token-vault:problem:${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.message,
    code: error.code,
    ...error.extensions,
  };
}

/** Answers an error as `application/problem+json` (RFC 9457): how the internal API does it. */
export const problemAnswer = (error: VaultError): ErrorAnswer => ({
  headers: {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(error.status === 401 && { 'www-authenticate': 'Bearer' }),
  },
  body: JSON.stringify(problemDocument(error)),
});
