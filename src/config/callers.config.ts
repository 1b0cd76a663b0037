import type { EnvironmentReader } from './environment-reader.js';
import { defineNamespace } from './namespace.js';
import { ENDPOINT_URL, SERVICE_URL, parseEndpointUrl, parseServiceUrl } from './parsers.js';

/** Whose JWTs callers may present. */
export interface JwtConfig {
  /** Compared letter by letter with `iss`. */
  readonly issuer: string;
  readonly audience: string;
  /** Undefined: the one that the issuer's metadata names. */
  readonly jwksUri: string | undefined;
}

/** Who calls the internal API, and how much. */
export interface CallersConfig {
  /** Undefined: JWTs say nothing. */
  readonly jwt: JwtConfig | undefined;
  /** For each client and process; 0: no ceiling. */
  readonly requestsPerSecond: number;
}

export const callersConfig = defineNamespace('callers', (reader): CallersConfig => ({
  jwt: readCallerJwt(reader),
  requestsPerSecond: reader.integer('CLIENT_REQUESTS_PER_SECOND', 0, 1, 100_000),
}));

/** Whose JWTs are believed, if anybody's: an issuer has many audiences, of which one is this vault. */
function readCallerJwt(reader: EnvironmentReader): JwtConfig | undefined {
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
