import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { VAULT_CONFIG } from './vault-config.js';
import type { VaultConfig } from './vault-config.js';

/** Makes the validated configuration injectable as {@link VAULT_CONFIG}. */
@Global()
@Module({})
export class ConfigModule {
  static forRoot(config: VaultConfig): DynamicModule {
    return {
      module: ConfigModule,
      providers: [{ provide: VAULT_CONFIG, useValue: config }],
      exports: [VAULT_CONFIG],
    };
  }
}
