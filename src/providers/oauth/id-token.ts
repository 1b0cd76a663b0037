import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { ProviderError } from '../provider-error.js';

/**
 * The digest that belongs to a signature algorithm (OpenID Connect Core 3.1.3.6): of RS, PS and ES
 * the one in their names, of Ed25519 the one inside of it (RFC 8032 section 5.1).
 */
function digestOf(algorithm: string): string | undefined {
  const [, bits] = /^(?:RS|PS|ES)(256|384|512)$/.exec(algorithm) ?? [];
  if (bits !== undefined) return `sha${bits}`;
  return algorithm === 'EdDSA' || algorithm === 'Ed25519' ? 'sha512' : undefined;
}

/**
 * Checks `at_hash`: base64url of the left half of the access token's digest (OpenID Connect Core
 * section 3.1.3.6). Optional in the code flow, so an id_token without it passes; one with a wrong
 * value means that the access token is not the one the provider vouched for.
 *
 * @throws ProviderError `untrusted`
 */
export function checkAtHash(idToken: string, claims: Record<string, unknown>, accessToken: string) {
  if (claims.at_hash === undefined) return;
  const [header = ''] = idToken.split('.');
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg?: string };
  const digest = digestOf(alg ?? '');
  if (digest) {
    const hash = createHash(digest).update(accessToken, 'ascii').digest();
    if (hash.subarray(0, hash.length / 2).toString('base64url') === claims.at_hash) return;
  }
  throw new ProviderError('untrusted', 'id_token_at_hash');
}

/**
 * The subject that the id_token of a refresh names. It came over TLS from the token endpoint, and only
 * whether it is the one of the consent is asked of it: so nothing else is checked.
 *
 * @returns null where there is none, or none that can be read
 */
export function subjectOf(idToken: unknown): string | null {
  if (typeof idToken !== 'string') return null;
  try {
    return decodeJwt(idToken).sub ?? null;
  } catch {
    return null;
  }
}

/**
 * Checks `azp`: an id_token that names the party it was issued for names us (OpenID Connect Core
 * section 3.1.3.7 steps 4 and 5). The library looks at it only beside several audiences.
 *
 * @throws ProviderError `untrusted`
 */
export function checkAuthorizedParty(claims: Record<string, unknown>, clientId: string) {
  if (claims.azp === undefined || claims.azp === clientId) return;
  throw new ProviderError('untrusted', 'id_token_azp');
}
