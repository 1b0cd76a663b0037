import { HttpException } from '@nestjs/common';
import { VaultError, errorOfStatus, internalError, keyUnavailable } from '../common/index.js';
import type { ErrorAnswer } from './error-renderer.js';

/** Any error as a {@link VaultError}; one that nobody foresaw as a bare 500. */
export function toVaultError(error: unknown): VaultError {
  if (error instanceof VaultError) return error;
  if (isUnknownKey(error)) return keyUnavailable(error);
  const status =
    error instanceof HttpException
      ? error.getStatus()
      : Number((error as { statusCode?: unknown } | null)?.statusCode ?? 500);
  if (status >= 400 && status < 500) return errorOfStatus(status, error);
  return internalError(error);
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
