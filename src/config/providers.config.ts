import { defineNamespace } from './namespace.js';
import type { OAuthProviderConfig } from './oauth-provider-config.js';
import { readOAuthProviders } from './read-oauth-providers.js';
import { readStitchConnect, readStitchMoney } from './read-providers.js';
import type { StitchConnectConfig, StitchMoneyConfig } from './read-providers.js';

/** Which providers can be linked; undefined: that one can't. */
export interface ProvidersConfig {
  readonly stitchMoney: StitchMoneyConfig | undefined;
  readonly stitchConnect: StitchConnectConfig | undefined;
  /** Those of `OAUTH_PROVIDERS_FILE`. */
  readonly configured: readonly OAuthProviderConfig[];
}

export const providersConfig = defineNamespace('providers', (reader): ProvidersConfig => ({
  stitchMoney: readStitchMoney(reader),
  stitchConnect: readStitchConnect(reader),
  configured: readOAuthProviders(reader),
}));
