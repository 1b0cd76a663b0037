import type { OAuthProviderConfig } from '../../config/index.js';
import { OAuthProvider } from '../oauth/oauth-provider.js';
import type { ProviderHttp } from '../provider-http.js';

/** The providers that `OAUTH_PROVIDERS_FILE` describes: everything about them is configuration. */
export const configuredProviders = (
  configs: readonly OAuthProviderConfig[],
  http: () => ProviderHttp,
): OAuthProvider[] =>
  configs.map(
    (config) =>
      new OAuthProvider(
        {
          ...config,
          discovers: true,
          requiredScopes: config.openid ? ['openid'] : [],
          clientTokenParameters: {},
        },
        http(),
      ),
  );
