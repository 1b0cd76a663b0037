import * as oidc from 'openid-client';
import type { StitchMoneyConfig } from '../../config/index.js';
import { ProviderError } from '../provider-error.js';
import type { ProviderHttp } from '../provider-http.js';
import type {
  AuthorizationParameters,
  CodeExchange,
  IssuedTokens,
  TokenProvider,
} from '../token-provider.js';
import { toProviderError } from './errors.js';
import { checkAtHash, checkAuthorizedParty } from './id-token.js';
import { toIssuedTokens, usableMembers } from './token-answer.js';

/** Milliseconds within which refused secrets are followed by the next; leases allow for it. */
const TIME_FOR_REFUSALS = 3000;
/** Seconds by which our clock and the provider's may differ (OpenID Connect Core 3.1.3.7). */
const CLOCK_TOLERANCE = 60;

/** One secret, in the two ways it is used. */
interface Credentials {
  /** Validates the id_token: for the code exchange. */
  readonly strict: oidc.Configuration;
  /** Leaves the id_token alone: for refreshes. */
  readonly lenient: oidc.Configuration;
}

/**
 * stitch.money (seed document S3): OpenID Connect code flow with PKCE, access tokens of 900
 * seconds, refresh tokens that work once. The protocol itself is openid-client's.
 */
export class StitchMoneyProvider implements TokenProvider {
  readonly name = 'stitch-money';
  readonly capabilities = {
    echoesState: true,
    scopes: true,
    revokes: true,
    prefill: false,
  };
  readonly issuer: string;
  readonly defaultScopes: readonly string[];
  /** S3: the scope must hold `openid`. */
  readonly requiredScopes = ['openid'];
  private readonly clientId: string;
  private readonly credentials: readonly Credentials[];
  /** The secret that the provider knew the client by last. */
  private current = 0;

  constructor(config: StitchMoneyConfig, http: ProviderHttp) {
    this.issuer = config.issuer;
    this.defaultScopes = config.scopes;
    this.clientId = config.clientId;
    this.credentials = config.clientSecrets.map((secret) => ({
      strict: configuration(config, secret, usableMembers(http.fetch, true), true),
      lenient: configuration(config, secret, usableMembers(http.fetch, false), false),
    }));
  }

  authorizationUrl(parameters: AuthorizationParameters): string {
    const [{ strict } = missing()] = this.credentials;
    return oidc.buildAuthorizationUrl(strict, {
      response_type: 'code',
      redirect_uri: parameters.redirectUri,
      scope: parameters.scopes.join(' '),
      state: parameters.state,
      nonce: parameters.nonce,
      code_challenge: parameters.codeChallenge,
      code_challenge_method: 'S256',
    }).href;
  }

  exchangeCode(exchange: CodeExchange): Promise<IssuedTokens> {
    const url = new URL(exchange.redirectUri);
    url.searchParams.set('code', exchange.code);
    url.searchParams.set('state', exchange.state);
    return this.withSecrets(async ({ strict }) => {
      const answer = await oidc.authorizationCodeGrant(strict, url, {
        pkceCodeVerifier: exchange.codeVerifier,
        expectedState: exchange.state,
        expectedNonce: exchange.nonce,
        idTokenExpected: true,
      });
      const claims = answer.claims();
      if (answer.id_token && claims) {
        checkAuthorizedParty(claims, this.clientId);
        checkAtHash(answer.id_token, claims, answer.access_token);
      }
      return toIssuedTokens(answer, claims?.sub ?? null);
    });
  }

  refresh(refreshToken: string): Promise<IssuedTokens> {
    return this.withSecrets(async ({ lenient }) =>
      toIssuedTokens(await oidc.refreshTokenGrant(lenient, refreshToken), null),
    );
  }

  async revoke(refreshToken: string): Promise<void> {
    await this.withSecrets(({ lenient }) =>
      oidc.tokenRevocation(lenient, refreshToken, { token_type_hint: 'refresh_token' }),
    );
  }

  /**
   * Calls with the secret that was accepted last; when the provider refuses it, with each of the
   * others. A refused secret should cost the grant nothing: the client is authenticated before it is
   * looked at (RFC 6749 section 3.2.1). For a provider that uses the code up all the same, a secret
   * is remembered not only by a success: whatever error but `invalid_client` the provider has about
   * the request, it knew the client (section 5.2).
   */
  private async withSecrets<T>(call: (credentials: Credentials) => Promise<T>): Promise<T> {
    let refused: ProviderError | undefined;
    // Another call may change `current` meanwhile; this one must still try each secret once.
    const first = this.current;
    const started = performance.now();
    for (let tried = 0; tried < this.credentials.length; tried += 1) {
      const index = (first + tried) % this.credentials.length;
      try {
        const result = await call(this.credentials[index] ?? missing());
        this.current = index;
        return result;
      } catch (error) {
        const failure = toProviderError(error);
        if (!failure.concernsProvider) this.current = index;
        if (failure.kind !== 'invalid_client') throw failure;
        refused = failure;
        // The lease outlives one slow call, not one for every secret.
        if (performance.now() - started > TIME_FOR_REFUSALS) break;
      }
    }
    throw refused ?? missing();
  }
}

function missing(): never {
  throw new ProviderError('invalid_client', 'no_client_secret');
}

function configuration(
  config: StitchMoneyConfig,
  secret: string,
  fetch: ProviderHttp['fetch'],
  strict: boolean,
): oidc.Configuration {
  const client = new oidc.Configuration(
    {
      issuer: config.issuer,
      authorization_endpoint: config.authorizationEndpoint,
      token_endpoint: config.tokenEndpoint,
      revocation_endpoint: config.revocationEndpoint,
      ...(config.jwksUri ? { jwks_uri: config.jwksUri } : {}),
    },
    config.clientId,
    { [oidc.clockTolerance]: CLOCK_TOLERANCE },
    // S3: the secret goes into the body of the request.
    oidc.ClientSecretPost(secret),
  );
  client[oidc.customFetch] = fetch;
  // The configuration admits plain http on a loopback host only, so this loosens nothing else.
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated to make it stand out
  oidc.allowInsecureRequests(client);
  // The id_token came over TLS from the token endpoint, which is enough (OpenID Connect Core
  // 3.1.3.7); with a JWKS URI its signature is checked as well.
  if (strict && config.jwksUri) oidc.enableNonRepudiationChecks(client);
  return client;
}
