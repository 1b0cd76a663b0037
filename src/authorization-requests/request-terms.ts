import { createHash } from 'node:crypto';
import { randomValue } from './pkce.js';
import type { NewRequest } from './request.store.js';

/** What decides whose account is linked to what, and where the browser ends. */
export type RequestTerms = Pick<
  NewRequest,
  | 'id'
  | 'state'
  | 'userId'
  | 'provider'
  | 'connection'
  | 'redirectUri'
  | 'scopes'
  | 'returnTo'
  | 'confirm'
>;

/** Stands in no base64url, and may stand in a code verifier (RFC 7636 section 4.1). */
const SEPARATOR = '.';

/** Not to be guessed by the provider, which sees the verifier: it does not know the request's id. */
const digestOf = (terms: RequestTerms, random: string): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        'stitch-token-vault/v1/request-terms',
        random,
        terms.id,
        terms.state,
        terms.userId,
        terms.provider,
        terms.connection,
        terms.redirectUri,
        terms.scopes,
        terms.returnTo,
        terms.confirm,
      ]),
    )
    .digest('base64url');

/**
 * A code verifier of 256 random bits that names the terms of its request. It is kept sealed for the
 * request's id, so nobody without the keyring can make one for other terms. It is a verifier like
 * any other (87 characters, where RFC 7636 section 4.1 allows 43 to 128), also for replicas of an
 * earlier version.
 */
export function verifierFor(terms: RequestTerms): string {
  const random = randomValue();
  return `${random}${SEPARATOR}${digestOf(terms, random)}`;
}

/**
 * Whether a request is still what its verifier was made for; `unnamed` when the verifier names no
 * terms, as those of an earlier version do.
 */
export function compareTerms(
  terms: RequestTerms,
  verifier: string,
): 'same' | 'altered' | 'unnamed' {
  const [random = '', digest] = verifier.split(SEPARATOR);
  if (digest === undefined) return 'unnamed';
  return digest === digestOf(terms, random) ? 'same' : 'altered';
}
