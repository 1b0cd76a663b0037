import * as oidc from 'openid-client';
import type { StitchMoneyConfig } from '../../config/index.js';
import type { ProviderAnswer } from '../answer.js';
import { ProviderError } from '../provider-error.js';
import type { ProviderHttp } from '../provider-http.js';
import { assertRevoked } from '../refusal.js';
import { mayHoldTokens, readTokenAnswer, toIssuedTokens } from '../token-answer.js';
import type { TokenMembers } from '../token-answer.js';
import type {
  AuthorizationParameters,
  CodeExchange,
  IssuedTokens,
  KeepAnswer,
  TokenProvider,
} from '../token-provider.js';
import { toProviderError } from './errors.js';
import { checkAtHash, checkAuthorizedParty } from './id-token.js';

/** Milliseconds within which refused secrets are followed by the next; leases allow for it. */
const TIME_FOR_REFUSALS = 3000;
/** Seconds by which our clock and the provider's may differ (OpenID Connect Core 3.1.3.7). */
const CLOCK_TOLERANCE = 60;
/** Seconds an access token lives when the answer does not say (S3: `expires_in` 900). */
const DOCUMENTED_LIFETIME = 900;

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
  /** One for each secret, newest first; they keep the key set between calls. */
  private readonly exchangers: readonly oidc.Configuration[];
  /** The secret that the provider knew the client by last. */
  private current = 0;

  constructor(
    private readonly config: StitchMoneyConfig,
    private readonly http: ProviderHttp,
  ) {
    this.issuer = config.issuer;
    this.defaultScopes = config.scopes;
    this.exchangers = config.clientSecrets.map((secret) => {
      const client = configuration(config, secret, async (url, options) => {
        if (url !== config.tokenEndpoint) return http.fetch(url, options);
        const members = readTokenAnswer(await http.send(url, options));
        return answerFor(members, members.idToken);
      });
      // The id_token came over TLS from the token endpoint, which is enough (OpenID Connect Core
      // 3.1.3.7); with a JWKS URI its signature is checked as well.
      if (config.jwksUri) oidc.enableNonRepudiationChecks(client);
      return client;
    });
  }

  authorizationUrl(parameters: AuthorizationParameters): string {
    return oidc.buildAuthorizationUrl(this.exchangers[0] ?? missing(), {
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
    return this.withSecrets(async (_, index) => {
      const answer = await oidc.authorizationCodeGrant(this.exchangers[index] ?? missing(), url, {
        pkceCodeVerifier: exchange.codeVerifier,
        expectedState: exchange.state,
        expectedNonce: exchange.nonce,
        idTokenExpected: true,
      });
      const claims = answer.claims();
      if (answer.id_token && claims) {
        checkAuthorizedParty(claims, this.config.clientId);
        checkAtHash(answer.id_token, claims, answer.access_token);
      }
      const members: TokenMembers = {
        accessToken: answer.access_token,
        refreshToken: answer.refresh_token ?? null,
        scopes: answer.scope?.split(' ') ?? null,
        lifetime: answer.expires_in,
        idToken: answer.id_token,
      };
      return toIssuedTokens(members, DOCUMENTED_LIFETIME, claims?.sub ?? null);
    });
  }

  refresh(refreshToken: string, keep?: KeepAnswer): Promise<IssuedTokens> {
    return this.withSecrets(async (secret) => {
      let issued: IssuedTokens | undefined;
      const client = configuration(this.config, secret, async (url, options) => {
        const answer = await this.http.sendAndListen(url, options);
        if (keep && mayHoldTokens(answer)) keep(answer);
        issued = this.understand(answer);
        // Nobody reads the id_token of a refresh, and a quirk in it (no `nonce`, a clock) must not
        // cost the pair beside it.
        return answerFor(readTokenAnswer(answer));
      });
      await oidc.refreshTokenGrant(client, refreshToken);
      return issued ?? missing();
    });
  }

  understand(answer: ProviderAnswer): IssuedTokens {
    return toIssuedTokens(readTokenAnswer(answer), DOCUMENTED_LIFETIME, null);
  }

  async revoke(refreshToken: string): Promise<void> {
    await this.withSecrets((secret) => {
      const client = configuration(this.config, secret, async (url, options) => {
        assertRevoked(await this.http.send(url, options));
        return new Response(null);
      });
      return oidc.tokenRevocation(client, refreshToken, { token_type_hint: 'refresh_token' });
    });
  }

  /**
   * Calls with the secret that was accepted last; when the provider refuses it, with each of the
   * others. A refused secret should cost the grant nothing: the client is authenticated before it is
   * looked at (RFC 6749 section 3.2.1). For a provider that uses the code up all the same, a secret
   * is remembered not only by a success: whatever error but `invalid_client` the provider has about
   * the request, it knew the client (section 5.2).
   */
  private async withSecrets<T>(call: (secret: string, index: number) => Promise<T>): Promise<T> {
    let refused: ProviderError | undefined;
    // Another call may change `current` meanwhile; this one must still try each secret once.
    const first = this.current;
    const secrets = this.config.clientSecrets;
    const started = performance.now();
    for (let tried = 0; tried < secrets.length; tried += 1) {
      const index = (first + tried) % secrets.length;
      try {
        const result = await call(secrets[index] ?? missing(), index);
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
  return client;
}

/** An answer in which the library finds nothing odd. */
function answerFor(members: TokenMembers, idToken?: unknown): Response {
  return Response.json({
    access_token: members.accessToken,
    token_type: 'Bearer',
    expires_in: members.lifetime,
    refresh_token: members.refreshToken ?? undefined,
    scope: members.scopes?.join(' '),
    id_token: idToken,
  });
}
