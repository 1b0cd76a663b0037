import { ProviderError } from '../provider-error.js';
import { isToken } from '../token-answer.js';
import type { IssuedTokens } from '../token-provider.js';

/** The JSON of an answer, whatever it is. @throws ProviderError `malformed` */
export async function readJsonValue(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new ProviderError('malformed', 'not_json');
  }
}

/** The JSON object of an answer. @throws ProviderError `malformed` */
export async function readJson(response: Response): Promise<Record<string, unknown>> {
  const answer = await readJsonValue(response);
  if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) {
    return answer as Record<string, unknown>;
  }
  throw new ProviderError('malformed', 'not_a_json_object');
}

/**
 * The JSON object of an answer that is no success. A 4xx is a refusal whatever its body says, also
 * one that comes from something in front of the provider. @throws ProviderError `malformed`
 */
export async function readRefusal(response: Response): Promise<Record<string, unknown>> {
  try {
    return await readJson(response);
  } catch (error) {
    if (response.status >= 400) return {};
    throw error;
  }
}

/** The token and account number of `/oauth/token` and `/v3/accounts` (seed document S0). */
export function parseIssued(answer: Record<string, unknown>): IssuedTokens {
  const { access_token: accessToken, stitch_account_id: told } = answer;
  // A number, or one written as text: the token beside it can't be had again.
  const accountId = typeof told === 'string' && /^\d{1,16}$/.test(told) ? Number(told) : told;
  if (!isToken(accessToken) || accessToken.includes(' ')) {
    throw new ProviderError('malformed', 'no_access_token');
  }
  if (typeof accountId !== 'number' || !Number.isSafeInteger(accountId)) {
    throw new ProviderError('malformed', 'no_stitch_account_id');
  }
  return {
    accessToken,
    refreshToken: null,
    scopes: [],
    // S2: access tokens do not expire.
    expiresIn: null,
    subject: null,
    accountId,
  };
}
