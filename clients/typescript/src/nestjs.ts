import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { VaultClient } from './client.js';
import type { VaultClientOptions } from './client.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<VaultClientOptions>({ moduleName: 'VaultClient' })
    .setClassMethodName('forRoot')
    // Global, as what is set up once at the root is expected to be.
    .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({
      ...definition,
      global: isGlobal,
    }))
    .build();

/**
 * Makes one {@link VaultClient} injectable everywhere, or with `isGlobal: false` where this module is
 * imported: `VaultModule.forRoot({ url, key })`, or `VaultModule.forRootAsync({ imports, inject,
 * useFactory })` where the options come from other providers.
 */
@Module({
  providers: [
    {
      provide: VaultClient,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: VaultClientOptions) => new VaultClient(options),
    },
  ],
  exports: [VaultClient],
})
export class VaultModule extends ConfigurableModuleClass {}
