import { Global, Module } from '@nestjs/common';
import { VAULT_CONFIG } from '../config/index.js';
import type { VaultConfig } from '../config/index.js';
import { DatabaseClock } from '../database/index.js';
import { ProviderGauges } from './provider-gauges.js';
import { ProviderHttp } from './provider-http.js';
import { ProviderRegistry } from './provider-registry.js';
import { StitchMoneyProvider } from './stitch-money/stitch-money.provider.js';
import type { TokenProvider } from './token-provider.js';

/** The providers that the configuration turns on. */
@Global()
@Module({
  providers: [
    ProviderGauges,
    {
      provide: ProviderRegistry,
      inject: [VAULT_CONFIG, DatabaseClock],
      useFactory: ({ refresh, stitchMoney }: VaultConfig, clock: DatabaseClock) => {
        const http = new ProviderHttp(refresh.providerTimeout * 1000, refresh.concurrency + 16);
        const providers: TokenProvider[] = [];
        if (stitchMoney) providers.push(new StitchMoneyProvider(stitchMoney, http));
        return new ProviderRegistry(providers, clock, refresh.concurrency);
      },
    },
  ],
  exports: [ProviderRegistry],
})
export class ProvidersModule {}
