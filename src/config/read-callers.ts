import { isIP } from 'node:net';
import type { EnvironmentReader } from './environment-reader.js';
import { ENDPOINT_URL, SERVICE_URL, parseEndpointUrl, parseServiceUrl } from './parsers.js';
import type { JwtConfig, PublicConfig, TlsConfig } from './vault-config.js';

/** @param prefix what the variables of the listener begin with. @returns undefined: plain HTTP */
export function readTls(reader: EnvironmentReader, prefix: '' | 'PUBLIC_'): TlsConfig | undefined {
  const names = [`${prefix}TLS_CERT_FILE`, `${prefix}TLS_KEY_FILE`] as const;
  const [certFile, keyFile] = reader.pair(...names);
  // Browsers are no callers of ours.
  const clientCaFile = prefix === '' ? reader.text('TLS_CLIENT_CA_FILE') : undefined;
  if (clientCaFile !== undefined && !certFile && !keyFile) {
    reader.refuse('TLS_CERT_FILE', 'to be set, as TLS_CLIENT_CA_FILE is');
  }
  return certFile && keyFile ? { certFile, keyFile, clientCaFile } : undefined;
}

/** Whose JWTs are believed, if anybody's: an issuer has many audiences, of which one is this vault. */
export function readCallerJwt(reader: EnvironmentReader): JwtConfig | undefined {
  const issuer = reader.parse(
    'AUTH_JWT_ISSUER',
    SERVICE_URL,
    '',
    // Compared letter by letter with `iss` (RFC 7519 section 4.1.1).
    (text) => (parseServiceUrl(text), text),
  );
  const audience = reader.text('AUTH_JWT_AUDIENCE');
  const jwksUri = reader.parse<string | undefined>(
    'AUTH_JWT_JWKS_URI',
    ENDPOINT_URL,
    undefined,
    parseEndpointUrl,
  );
  const named = reader.text('AUTH_JWT_ISSUER') !== undefined;
  if (named && !audience) reader.refuse('AUTH_JWT_AUDIENCE', 'to be set, as AUTH_JWT_ISSUER is');
  if (!named && (audience ?? jwksUri) !== undefined) {
    reader.refuse('AUTH_JWT_ISSUER', 'to be set, as the other AUTH_JWT_ variables are');
  }
  return issuer && audience ? { issuer, audience, jwksUri } : undefined;
}

/** How much browsers may ask, and by whose word it is known which is which. */
export const readPublicLimits = (reader: EnvironmentReader): Omit<PublicConfig, 'url'> => ({
  requestsPerSecond: reader.integer('PUBLIC_REQUESTS_PER_SECOND', 20, 0, 100_000),
  trustedProxies: reader.list(
    'TRUSTED_PROXIES',
    'addresses or CIDRs such as 10.0.0.0/8, comma-separated',
    isAddressRange,
  ),
});

/** An IP address, or a range of them in the notation of RFC 4632. */
export function isAddressRange(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  // Everybody is no proxy: a range of all addresses would let anybody be anybody.
  return family !== 0 && (bits === undefined || (+bits > 0 && +bits <= (family === 4 ? 32 : 128)));
}
