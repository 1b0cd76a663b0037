import * as oidc from 'openid-client';
import { ProviderError, oauthErrorCode } from '../provider-error.js';

/** The library's codes for "the id_token does not hold what it must". */
const UNTRUSTED = new Set([
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_UNSUPPORTED_OPERATION',
]);
/** Refusals of the client rather than of the grant. */
const CLIENT_ERRORS = new Set(['invalid_client', 'unauthorized_client']);

/** Sorts what openid-client throws, by its typed errors and never by a message. */
export function toProviderError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  if (error instanceof oidc.ResponseBodyError) {
    const code = oauthErrorCode(error.error);
    if (code === 'invalid_grant') return new ProviderError('invalid_grant', code);
    if (CLIENT_ERRORS.has(code)) return new ProviderError('invalid_client', code);
    return new ProviderError('rejected', code);
  }
  // A 401 with a challenge: the other way to say invalid_client (RFC 6749 section 5.2).
  if (error instanceof oidc.WWWAuthenticateChallengeError) {
    return new ProviderError('invalid_client', 'http_401');
  }
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
