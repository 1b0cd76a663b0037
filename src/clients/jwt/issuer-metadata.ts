import { fetchJson } from './issuer-http.js';

/** Where an issuer's metadata can be: OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3. */
function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/+$/, '');
  return [
    `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

/**
 * Asks the issuer where its key set is.
 *
 * @param isAllowed whether keys may come from a URL
 * @throws Error when it can't be had, or is another issuer's (RFC 8414 section 3.3)
 */
export async function findJwksUri(
  issuer: string,
  isAllowed: (url: string) => boolean,
): Promise<string> {
  let failure: unknown;
  for (const url of metadataUrls(issuer)) {
    try {
      const metadata = await fetchJson(url);
      if (metadata.issuer !== issuer) throw new Error('the metadata is of another issuer');
      const { jwks_uri: uri } = metadata;
      if (typeof uri !== 'string' || !isAllowed(uri)) throw new Error('the metadata names no keys');
      return uri;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
