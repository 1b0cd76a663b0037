import * as oidc from 'openid-client';
import { ProviderError } from '../provider-error.js';
import { errorOfCode } from '../refusal.js';

/** The library's codes for "the id_token does not hold what it must". */
const UNTRUSTED = new Set([
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_UNSUPPORTED_OPERATION',
]);

/** Sorts what openid-client throws, by its typed errors and never by a message. */
export function toProviderError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  if (error instanceof oidc.ResponseBodyError) return errorOfCode(error.error);
  if (error instanceof oidc.ClientError) {
    if (error.cause instanceof ProviderError) return error.cause;
    const code = error.code ?? '';
    if (UNTRUSTED.has(code)) return new ProviderError('untrusted', code.toLowerCase());
    return new ProviderError(
      'malformed',
      /^OAUTH_[A-Z_]+$/.test(code) ? code.toLowerCase() : 'malformed',
    );
  }
  return new ProviderError('malformed', 'unexpected_answer');
}
