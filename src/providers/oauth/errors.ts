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
    const { cause } = error;
    if (cause instanceof ProviderError) return cause;
    const code = error.code ?? '';
    if (UNTRUSTED.has(code)) return new ProviderError('untrusted', whatIsWrong(code, cause));
    return new ProviderError(
      'malformed',
      /^OAUTH_[A-Z_]+$/.test(code) ? code.toLowerCase() : 'malformed',
    );
  }
  return new ProviderError('malformed', 'unexpected_answer');
}

/** A word for what an operator can put right: the claim or the part of the id_token at fault. */
function whatIsWrong(code: string, cause: unknown): string {
  const { claim, header, parameters } = describe(describe(cause).cause ?? cause);
  // RFC 9207 section 2.4: a server that says it names itself in the callback, and has not.
  if (parameters !== undefined) return 'issuer_missing';
  if (typeof claim === 'string' && /^[a-z_]{1,20}$/.test(claim)) return `id_token_${claim}`;
  if (code === 'OAUTH_KEY_SELECTION_FAILED') return 'id_token_key_unknown';
  if (header !== undefined || code === 'OAUTH_UNSUPPORTED_OPERATION') return 'id_token_algorithm';
  return 'id_token_invalid';
}

const describe = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
