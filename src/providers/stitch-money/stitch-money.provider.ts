import * as oidc from 'openid-client';
import { isScopeToken } from '../../config/index.js';
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
import { checkAtHash } from './id-token.js';

/** Seconds an access token lives when the answer does not say (S3: `expires_in` 900). */
const DOCUMENTED_LIFETIME = 900;
/** Seconds: a longer life than ten years is a provider's mistake, and no date. */
const LONGEST_LIFETIME = 315_360_000;
const VISIBLE = /^[\x20-\x7e]{1,8192}$/;
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
  private readonly credentials: readonly Credentials[];
  /** The secret that worked last. */
  private current = 0;

  constructor(config: StitchMoneyConfig, http: ProviderHttp) {
    this.issuer = config.issuer;
    this.defaultScopes = config.scopes;
    this.credentials = config.clientSecrets.map((secret) => ({
      strict: configuration(config, secret, http.fetch, true),
      lenient: configuration(config, secret, withoutIdToken(http.fetch), false),
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
      if (answer.id_token && claims) checkAtHash(answer.id_token, claims, answer.access_token);
      return issued(answer, claims?.sub ?? null);
    });
  }

  refresh(refreshToken: string): Promise<IssuedTokens> {
    return this.withSecrets(async ({ lenient }) =>
      issued(await oidc.refreshTokenGrant(lenient, refreshToken), null),
    );
  }

  async revoke(refreshToken: string): Promise<void> {
    await this.withSecrets(({ lenient }) =>
      oidc.tokenRevocation(lenient, refreshToken, { token_type_hint: 'refresh_token' }),
    );
  }

  /**
   * Calls with the secret that worked last; when the provider refuses it, with each of the others.
   * A refused secret costs the token nothing: the client is authenticated before the grant is
   * looked at (RFC 6749 section 3.2.1).
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

/**
 * Takes the id_token out of a refresh's answer before the library looks at it. Nobody reads it,
 * and a one-use refresh token has been spent for the pair beside it: a quirk in the one (no
 * `nonce`, a clock) must not cost the other.
 */
function withoutIdToken(fetch: ProviderHttp['fetch']): ProviderHttp['fetch'] {
  return async (url, options) => {
    const response = await fetch(url, options);
    if (!response.ok) return response;
    const text = await response.text();
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      return new Response(text, response);
    }
    if (typeof answer !== 'object' || answer === null) return new Response(text, response);
    return new Response(JSON.stringify({ ...answer, id_token: undefined }), response);
  };
}

function issued(answer: oidc.TokenEndpointResponse, subject: string | null): IssuedTokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn } = answer;
  // VSCHAR of RFC 6749 appendix A.12 and A.17: what else comes can't be stored or sent as a bearer.
  if (!VISIBLE.test(accessToken) || !VISIBLE.test(refreshToken ?? 'none')) {
    throw new ProviderError('malformed', 'unusable_token');
  }
  return {
    accessToken,
    refreshToken: refreshToken ?? null,
    tokenType: 'Bearer',
    scopes: answer.scope === undefined ? null : answer.scope.split(' ').filter(isScopeToken),
    expiresIn: Math.min(
      LONGEST_LIFETIME,
      Math.max(1, Math.floor(expiresIn ?? DOCUMENTED_LIFETIME)),
    ),
    subject: subject !== null && VISIBLE.test(subject) ? subject : null,
    accountId: null,
  };
}
