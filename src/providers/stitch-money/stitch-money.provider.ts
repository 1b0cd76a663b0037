import type { StitchMoneyConfig } from '../../config/index.js';
import { OAuthProvider } from '../oauth/oauth-provider.js';
import type { ProviderHttp } from '../provider-http.js';

/** Seconds an access token lives when the answer does not say (S3: `expires_in` 900). */
const DOCUMENTED_LIFETIME_SECONDS = 900;

/** For how long an unused refresh token lives: 365 days, by the provider's public documentation. */
const IDLE_LIFETIME_SECONDS = 365 * 86_400;

/**
 * stitch.money (seed document S3): OpenID Connect code flow with PKCE, access tokens of 900
 * seconds, refresh tokens that work once. It publishes no metadata, so the endpoints are configured.
 */
export class StitchMoneyProvider extends OAuthProvider {
  constructor(config: StitchMoneyConfig, http: ProviderHttp) {
    super(
      {
        ...config,
        name: 'stitch-money',
        discovers: false,
        // S3: the secret goes into the body of the request.
        clientAuthentication: config.clientKey ? 'private_key_jwt' : 'client_secret_post',
        openid: true,
        // S3: the scope must hold `openid`.
        requiredScopes: ['openid'],
        authorizationParameters: {},
        // The server wants to be told whom the token request is meant for: its token endpoint.
        clientTokenParameters: { audience: config.tokenEndpoint },
        accessTokenLifetime: DOCUMENTED_LIFETIME_SECONDS,
        refreshTokenIdleSeconds: IDLE_LIFETIME_SECONDS,
        revocation: 'token',
      },
      http,
    );
  }
}
