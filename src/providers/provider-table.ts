import type { ProvidersConfig } from '../config/index.js';
import { configuredProviders } from './configured/configured-providers.js';
import type { ProviderHttp } from './provider-http.js';
import { StitchConnectProvider } from './stitch-connect/stitch-connect.provider.js';
import { StitchMoneyProvider } from './stitch-money/stitch-money.provider.js';
import type { TokenProvider } from './token-provider.js';

/**
 * Makes providers of the configuration, or nothing when that leaves it off.
 *
 * @param http makes what the provider calls out with, guarded by deadline and size
 */
export type ProviderFactory = (
  config: ProvidersConfig,
  http: () => ProviderHttp,
) => TokenProvider | readonly TokenProvider[] | undefined;

/** Every provider the vault knows: a new one is a folder and a line here (docs/providers.md). */
export const PROVIDERS: readonly ProviderFactory[] = [
  ({ stitchMoney }, http) => stitchMoney && new StitchMoneyProvider(stitchMoney, http()),
  ({ stitchConnect }, http) => stitchConnect && new StitchConnectProvider(stitchConnect, http()),
  ({ configured }, http) => configuredProviders(configured, http),
];
