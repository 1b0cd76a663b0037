import type { TokenEndpointResponse } from 'openid-client';
import { isScopeToken } from '../../config/index.js';
import { ProviderError } from '../provider-error.js';
import type { ProviderHttp } from '../provider-http.js';
import type { IssuedTokens } from '../token-provider.js';

/** Seconds an access token lives when the answer does not say (S3: `expires_in` 900). */
const DOCUMENTED_LIFETIME = 900;
/** Seconds: a longer life than ten years is a provider's mistake, and no date. */
const LONGEST_LIFETIME = 315_360_000;
/** VSCHAR of RFC 6749 appendix A.12 and A.17: what else comes can't be sent back. */
const VISIBLE = /^[\x20-\x7e]{1,8192}$/;

/**
 * Reduces a token answer to the members that are of use before the library looks at it. A refresh
 * token or code was spent for this answer and there is no second one, so the access token alone
 * decides whether it is good: an optional member that is null or of no use counts as absent
 * (RFC 6749 section 5.1). Every other answer passes as it came, for the library to judge.
 *
 * @param keepIdToken false for refreshes: nobody reads the id_token, and a quirk in it (no `nonce`,
 *   a clock) must not cost the pair beside it
 */
export function usableMembers(
  fetch: ProviderHttp['fetch'],
  keepIdToken: boolean,
): ProviderHttp['fetch'] {
  return async (url, options) => {
    const response = await fetch(url, options);
    if (!response.ok) return response;
    const text = await response.text();
    const answer = membersOf(text);
    if (typeof answer.access_token !== 'string') return new Response(text, response);
    return Response.json({
      access_token: answer.access_token,
      // The only type that is asked for, documented (S3) and handed out. Were it truly another one,
      // the API would refuse the token, which its reader reports; to refuse the answer instead
      // would lose the refresh token in it for the sake of a word.
      token_type: 'Bearer',
      expires_in: usableLifetime(answer.expires_in),
      refresh_token: isVisible(answer.refresh_token) ? answer.refresh_token : undefined,
      scope: usableScope(answer.scope),
      id_token: keepIdToken ? answer.id_token : undefined,
    });
  };
}

/** @throws ProviderError `malformed`, when the access token can't be stored or sent as a bearer */
export function toIssuedTokens(
  answer: TokenEndpointResponse,
  subject: string | null,
): IssuedTokens {
  if (!isVisible(answer.access_token)) throw new ProviderError('malformed', 'unusable_token');
  const lifetime = Math.floor(answer.expires_in ?? DOCUMENTED_LIFETIME);
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token ?? null,
    tokenType: 'Bearer',
    scopes: answer.scope === undefined ? null : answer.scope.split(' ').filter(isScopeToken),
    expiresIn: Math.min(LONGEST_LIFETIME, Math.max(1, lifetime)),
    subject: isVisible(subject) ? subject : null,
    accountId: null,
  };
}

/** What an answer holds; nothing when it is no JSON object. */
function membersOf(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as object | null) };
  } catch {
    return {};
  }
}

const isVisible = (value: unknown): value is string =>
  typeof value === 'string' && VISIBLE.test(value);

/**
 * Seconds, also when written as text. Zero or less counts as absent: believed, it would have the
 * token rotated at every read (each a new session at the bank) and never served. If the token is
 * dead indeed, its reader learns so from the API and reports it.
 */
function usableLifetime(value: unknown): number | undefined {
  const seconds = typeof value === 'string' ? Number(value) : value;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0
    ? seconds
    : undefined;
}

/** At least one scope token (RFC 6749 section 3.3), separated by spaces or listed. */
function usableScope(value: unknown): string | undefined {
  const tokens: unknown[] = Array.isArray(value) ? value : [value];
  if (!tokens.every((token) => typeof token === 'string')) return undefined;
  return tokens.join(' ').split(/\s+/).filter(isScopeToken).join(' ') || undefined;
}
