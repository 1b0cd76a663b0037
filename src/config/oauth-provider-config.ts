/** How a client proves at the token endpoint who it is (RFC 6749 section 2.3, RFC 7523). */
export const CLIENT_AUTHENTICATIONS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const;
export type ClientAuthentication = (typeof CLIENT_AUTHENTICATIONS)[number];

/** What the revocation of a token ends at a provider (RFC 7009 section 2.1 leaves it open). */
export const REVOCATION_REACHES = ['token', 'consent'] as const;
export type RevocationReach = (typeof REVOCATION_REACHES)[number];

/** A key that signs client assertions. */
export interface ClientKey {
  /** PKCS #8, DER. A secret. */
  readonly pkcs8: Buffer;
  /** What it signs with, in the terms of Web Cryptography. */
  readonly algorithm: {
    readonly name: string;
    readonly namedCurve?: string;
    readonly hash?: string;
  };
  /** `kid` of the assertions' header. */
  readonly id: string | undefined;
}

/** A provider that the file of `OAUTH_PROVIDERS_FILE` describes. */
export interface OAuthProviderConfig {
  readonly name: string;
  readonly issuer: string;
  /** Undefined: taken from the issuer's metadata. */
  readonly authorizationEndpoint: string | undefined;
  readonly tokenEndpoint: string | undefined;
  readonly revocationEndpoint: string | undefined;
  readonly jwksUri: string | undefined;
  readonly clientId: string;
  readonly clientAuthentication: ClientAuthentication;
  /** Newest first; the others are tried when the provider refuses it. */
  readonly clientSecrets: readonly string[];
  readonly clientKey: ClientKey | undefined;
  /** Milliseconds since the epoch; undefined: nobody said. */
  readonly clientSecretExpiresAt: number | undefined;
  readonly scopes: readonly string[];
  /** Whether an id_token is expected, and validated. */
  readonly openid: boolean;
  readonly authorizationParameters: Readonly<Record<string, string>>;
  /** Seconds where an answer has no `expires_in`; null: it never expires. */
  readonly accessTokenLifetime: number | null;
  /** For how long a refresh token lives unused; null: for ever. */
  readonly refreshTokenIdleSeconds: number | null;
  readonly revocation: RevocationReach;
}
