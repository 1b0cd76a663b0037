import { decodeBody, membersOf } from './answer.js';
import type { ProviderAnswer } from './answer.js';
import { isToken } from './token-answer.js';

/**
 * Seconds that an access token lives whose life was in what did not arrive. A usual life may be longer than this
 * one's, and a dead token would be served; so it is renewed at once, by the refresh token that has arrived.
 */
const UNKNOWN_LIFE_SECONDS = 1;
/** Commas at which a cut text is tried, from its end: a token answer has a dozen members. */
const MOST_TRIES = 64;

/**
 * What can be used of a successful answer that was cut off (the connection ended or stalled before the answer
 * did): the answer itself where only its end is missing (the last chunk, or bytes that `Content-Length` promised), or
 * its whole members where a refresh token is among them. A provider that rotates has spent the old one for it, and
 * without a grace (RFC 9700 section 4.14.2) to present that one again ends the grant.
 *
 * @returns undefined where no tokens have arrived: then the answer counts as lost
 */
export function tokensThatArrived(answer: ProviderAnswer): ProviderAnswer | undefined {
  if (answer.status < 200 || answer.status > 299) return undefined;
  const text = decodeBody(answer).toString('utf8');
  // Of a form (which some providers answer) nobody knows whether its last value is whole.
  if (!/^\uFEFF?\s*\{/.test(text)) return undefined;
  const members = membersOf(answer);
  if (members) return holdsToken(members) ? answer : undefined;
  let end = text.lastIndexOf(',');
  for (let tries = 0; end > 0 && tries < MOST_TRIES; tries += 1) {
    // A comma within a value gives no JSON, and the one before it is tried.
    const whole = membersOf(asJson(answer, `${text.slice(0, end)}}`));
    if (whole) {
      const known = { expires_in: UNKNOWN_LIFE_SECONDS, ...whole };
      return isToken(whole.refresh_token) ? asJson(answer, JSON.stringify(known)) : undefined;
    }
    end = text.lastIndexOf(',', end - 1);
  }
  return undefined;
}

/** Whether all of a token answer has arrived but for its end. */
export const hasAllTokens = (answer: ProviderAnswer): boolean =>
  tokensThatArrived(answer) === answer;

const asJson = (answer: ProviderAnswer, text: string): ProviderAnswer => ({
  ...answer,
  contentEncoding: null,
  body: Buffer.from(text),
});

const holdsToken = (members: Record<string, unknown>): boolean =>
  isToken(members.refresh_token) || isToken(members.access_token);
