import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { outboundConfig, providersConfig, refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import type { Trace } from '../common/index.js';
import { Tracing } from '../tracing/index.js';
import { LISTENERS_PER_PLACE } from './concurrency-limit.js';
import { ProviderGauges } from './provider-gauges.js';
import { ProviderHttp } from './provider-http.js';
import { ProviderRegistry } from './provider-registry.js';
import type { ProviderFactory } from './provider-table.js';
import { StitchConnectProvider } from './stitch-connect/stitch-connect.provider.js';

/** HTTP to a provider, with room for a few calls beside the refreshes and those listened to. */
const http = (
  refresh: ConfigType<typeof refreshConfig>,
  proxies: ConfigType<typeof outboundConfig>,
  trace: Trace,
) =>
  new ProviderHttp(
    refresh.providerTimeoutMs,
    refresh.concurrency * (1 + LISTENERS_PER_PLACE) + 16,
    proxies,
    refresh.answerTimeoutMs,
    trace,
  );

/** The providers that the configuration turns on. */
@Module({})
export class ProvidersModule {
  static forRoot(factories: readonly ProviderFactory[]): DynamicModule {
    return {
      module: ProvidersModule,
      global: true,
      providers: [
        ProviderGauges,
        {
          provide: ProviderRegistry,
          inject: [providersConfig.KEY, refreshConfig.KEY, outboundConfig.KEY, Tracing],
          useFactory: (
            config: ConfigType<typeof providersConfig>,
            refresh: ConfigType<typeof refreshConfig>,
            proxies: ConfigType<typeof outboundConfig>,
            { trace }: Tracing,
          ) => {
            const providers = factories.flatMap(
              (make) => make(config, () => http(refresh, proxies, trace)) ?? [],
            );
            const { concurrency, callsPerSecond } = refresh;
            return new ProviderRegistry(providers, concurrency, callsPerSecond);
          },
        },
        {
          // For what only stitchdata.com has; undefined when it is off.
          provide: StitchConnectProvider,
          inject: [ProviderRegistry],
          useFactory: (registry: ProviderRegistry) =>
            registry
              .all()
              .map(({ provider }) => provider)
              .find((provider) => provider instanceof StitchConnectProvider),
        },
      ],
      exports: [ProviderRegistry, StitchConnectProvider],
    };
  }
}
