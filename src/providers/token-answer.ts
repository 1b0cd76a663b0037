import { isScopeToken } from '../config/index.js';
import { decodeBody, membersOf } from './answer.js';
import type { ProviderAnswer } from './answer.js';
import { ProviderError, UnreadableAnswerError } from './provider-error.js';
import { refusalOf } from './refusal.js';
import type { IssuedTokens } from './token-provider.js';

/** Seconds: a longer life than ten years is a provider's mistake, and no date. */
const LONGEST_LIFETIME_SECONDS = 315_360_000;
/** Characters of a token at most: a megabyte. Tokens of several thousand are not rare. */
const LONGEST_TOKEN = 1_048_576;

/**
 * Characters of all scopes together at most: every read sends them, and the longest list that is
 * known has less than a tenth of that.
 */
const LONGEST_SCOPES = 8192;

/** A token answer reduced to the members that are of use (RFC 6749 section 5.1). */
export interface TokenMembers {
  readonly accessToken: string;
  readonly refreshToken: string | null;
  /** Null: the answer does not say. */
  readonly scopes: readonly string[] | null;
  /** How many scopes are left out because there are too many. */
  readonly droppedScopes: number;
  /** Seconds; undefined: the answer does not say. */
  readonly lifetime: number | undefined;
  readonly idToken: unknown;
}

/**
 * Understands an answer of the token endpoint. A refresh token or code was spent for it and there
 * is no second one, so the access token alone decides whether it is good: an optional member that
 * is null or of no use counts as absent. So does the token type: Bearer is the only one that is
 * asked for and handed out; were it truly another one, the API would refuse the token, which its
 * reader reports, and to refuse the answer would lose the refresh token in it for the sake of a
 * word.
 *
 * @param members of the answer, where they are known
 * @throws ProviderError for a refusal and for what holds no token, UnreadableAnswerError for what may hold one
 */
export function readTokenAnswer(answer: ProviderAnswer, members = membersOf(answer)): TokenMembers {
  const refusal = refusalOf(answer, members);
  if (refusal) {
    // Tokens beside an error: it may be one of the two, and the tokens can't be had again.
    if (isToken(members?.refresh_token)) throw new UnreadableAnswerError('contradictory', answer);
    throw refusal;
  }
  const nothing = withoutTokens(answer, members);
  if (nothing) throw new ProviderError('malformed', nothing);
  if (!members) throw new UnreadableAnswerError('not_json', answer);
  if (!isToken(members.access_token)) {
    throw new UnreadableAnswerError('no_access_token', answer);
  }
  return {
    accessToken: members.access_token,
    refreshToken: isToken(members.refresh_token) ? members.refresh_token : null,
    ...usableScopes(members.scope),
    lifetime: usableLifetime(members.expires_in),
    idToken: members.id_token,
  };
}

/** Whether an answer may hold tokens, understood or not: then it has to be kept. */
export function mayHoldTokens(answer: ProviderAnswer, members = membersOf(answer)): boolean {
  if (isToken(members?.refresh_token)) return true;
  return refusalOf(answer, members) === undefined && withoutTokens(answer, members) === undefined;
}

/** What a token would be called, or look like, in JSON. */
const LIKE_A_TOKEN = /token|[\w.~+/=-]{20,}/i;
/** What tokens are called in a page, which has others of its own for its forms. */
const NAME_OF_A_TOKEN = /(access|refresh|id)_?token/i;
const PAGE = /^(<!doctype html|<html|<head|<body|<!--)/i;

/**
 * Says in a word what an answer is that is none of a token endpoint and surely holds no token: a page of
 * maintenance or of a log-in, a redirect to one, nothing at all. Mostly it comes from something in front of the
 * provider, which has not seen the request. Where the provider has, there is nothing to be kept either: to
 * present the token again costs nothing.
 *
 * @returns undefined for what may hold tokens
 */
function withoutTokens(
  answer: ProviderAnswer,
  members: Record<string, unknown> | undefined,
): string | undefined {
  if (isToken(members?.access_token)) return undefined;
  const text = decodeBody(answer).toString('utf8').trim();
  if (members) return LIKE_A_TOKEN.test(text) ? undefined : 'no_tokens';
  if (NAME_OF_A_TOKEN.test(text)) return undefined;
  if (answer.status >= 300) return `http_${String(answer.status)}`;
  if (text === '') return 'empty';
  return PAGE.test(text) ? 'page' : undefined;
}

/**
 * What was issued.
 *
 * @param lifetime seconds of an access token where the answer does not say; null: no end
 */
export function toIssuedTokens(
  members: TokenMembers,
  lifetime: number | null,
  subject: string | null,
): IssuedTokens {
  const seconds = members.lifetime ?? lifetime;
  return {
    accessToken: members.accessToken,
    refreshToken: members.refreshToken,
    scopes: members.scopes,
    ...(members.droppedScopes > 0 ? { droppedScopes: members.droppedScopes } : {}),
    expiresIn:
      seconds === null
        ? null
        : Math.min(LONGEST_LIFETIME_SECONDS, Math.max(1, Math.floor(seconds))),
    subject: isVisible(subject) && subject.length <= 255 ? subject : null,
    accountId: null,
  };
}

/** VSCHAR of RFC 6749 appendix A.12 and A.17: what else comes can't be sent back. */
const isVisible = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x20-\x7e]+$/.test(value);

/** A token that can be stored and sent. */
export const isToken = (value: unknown): value is string =>
  isVisible(value) && value.length <= LONGEST_TOKEN;

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

/**
 * At least one scope token (RFC 6749 section 3.3), separated by spaces or listed; the first ones of
 * a list without measure. The tokens beside it are as good, so the answer is not refused for it.
 */
function usableScopes(value: unknown): Pick<TokenMembers, 'scopes' | 'droppedScopes'> {
  const tokens: unknown[] = Array.isArray(value) ? value : [value];
  if (!tokens.every((token) => typeof token === 'string')) {
    return { scopes: null, droppedScopes: 0 };
  }
  const all = tokens.join(' ').split(/\s+/).filter(isScopeToken);
  let characters = 0;
  const beyond = all.findIndex((scope) => (characters += scope.length + 1) > LONGEST_SCOPES);
  const scopes = beyond < 0 ? all : all.slice(0, beyond);
  return { scopes: scopes.length > 0 ? scopes : null, droppedScopes: all.length - scopes.length };
}
