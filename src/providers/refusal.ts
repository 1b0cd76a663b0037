import { membersOf } from './answer.js';
import type { ProviderAnswer } from './answer.js';
import { ProviderError, oauthErrorCode } from './provider-error.js';
import type { ProviderErrorKind } from './provider-error.js';

/** What an error code means for us; every other code is a refusal of this one request. */
const KINDS: Readonly<Record<string, ProviderErrorKind | undefined>> = {
  invalid_grant: 'invalid_grant',
  invalid_client: 'invalid_client',
  unauthorized_client: 'invalid_client',
  server_error: 'unavailable',
  temporarily_unavailable: 'unavailable',
  internal_server_error: 'unavailable',
  internal_error: 'unavailable',
  service_unavailable: 'unavailable',
  slow_down: 'rate_limited',
  too_many_requests: 'rate_limited',
  rate_limited: 'rate_limited',
  rate_limit_exceeded: 'rate_limited',
  ratelimited: 'rate_limited',
};

/** The error for an OAuth error code (RFC 6749 sections 4.1.2.1 and 5.2). */
export function errorOfCode(error: unknown): ProviderError {
  const code = oauthErrorCode(error);
  return new ProviderError(KINDS[code] ?? 'rejected', code);
}

/**
 * The error that an answer of the token or revocation endpoint is, if it is one: its `error` member
 * whatever the status says (some large providers answer 200 with it, others a challenge beside
 * it), else its status. A 4xx is a refusal also without a word, as from something in front of the
 * provider; it issues nothing.
 *
 * @param members of the answer, where they are known
 * @returns undefined for what may hold tokens
 */
export function refusalOf(
  answer: ProviderAnswer,
  members = membersOf(answer),
): ProviderError | undefined {
  const error = members?.error;
  // `"error": null` beside tokens says that there is none.
  if (error !== undefined && error !== null && error !== '' && error !== false) {
    return errorOfCode(error);
  }
  if (answer.status < 400) return undefined;
  const reason = `http_${String(answer.status)}`;
  // 401 is the other way to say invalid_client (RFC 6749 section 5.2).
  return new ProviderError(answer.status === 401 ? 'invalid_client' : 'rejected', reason);
}

/** Errors with which providers say that there is nothing left to revoke. */
const NOTHING_TO_REVOKE = new Set(['invalid_token', 'invalid_grant']);

/** Whether a token is revoked, by the answer (RFC 7009 section 2.2). @throws ProviderError */
export function assertRevoked(answer: ProviderAnswer): void {
  const refusal = refusalOf(answer);
  if (refusal && NOTHING_TO_REVOKE.has(refusal.reason)) return;
  if (refusal) throw refusal;
  // A redirect or the like: nothing was revoked there.
  if (answer.status >= 300) {
    throw new ProviderError('malformed', `http_${String(answer.status)}`);
  }
}
