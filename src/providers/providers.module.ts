import { Global, Module } from '@nestjs/common';
import { VAULT_CONFIG } from '../config/index.js';
import type { VaultConfig } from '../config/index.js';
import { DatabaseClock } from '../database/index.js';
import { ProviderGauges } from './provider-gauges.js';
import { ProviderHttp } from './provider-http.js';
import { ProviderRegistry } from './provider-registry.js';
import { StitchConnectProvider } from './stitch-connect/stitch-connect.provider.js';
import { StitchMoneyProvider } from './stitch-money/stitch-money.provider.js';
import type { TokenProvider } from './token-provider.js';

/** HTTP to a provider, with room for a few calls beside the refreshes. */
const http = ({ refresh }: VaultConfig) =>
  new ProviderHttp(refresh.providerTimeout * 1000, refresh.concurrency + 16);

/** The providers that the configuration turns on. */
@Global()
@Module({
  providers: [
    ProviderGauges,
    {
      provide: StitchConnectProvider,
      inject: [VAULT_CONFIG],
      useFactory: (config: VaultConfig) =>
        config.stitchConnect && new StitchConnectProvider(config.stitchConnect, http(config)),
    },
    {
      provide: ProviderRegistry,
      inject: [VAULT_CONFIG, DatabaseClock, { token: StitchConnectProvider, optional: true }],
      useFactory: (
        config: VaultConfig,
        clock: DatabaseClock,
        stitchConnect: StitchConnectProvider | undefined,
      ) => {
        const providers: TokenProvider[] = stitchConnect ? [stitchConnect] : [];
        if (config.stitchMoney) {
          providers.push(new StitchMoneyProvider(config.stitchMoney, http(config)));
        }
        return new ProviderRegistry(providers, clock, config.refresh.concurrency);
      },
    },
  ],
  exports: [ProviderRegistry, StitchConnectProvider],
})
export class ProvidersModule {}
