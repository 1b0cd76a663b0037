import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { ConfigModule as NestConfigModule } from '@nestjs/config';
import { factoryOf } from './namespace.js';
import type { VaultConfig } from './vault-config.js';

/**
 * Makes the validated configuration injectable, each namespace by its `KEY`. Nothing reads an
 * `.env` file or asks for a variable by its name: what is injected has been validated.
 */
@Module({})
export class ConfigModule {
  static forRoot(config: VaultConfig): Promise<DynamicModule> {
    return NestConfigModule.forRoot({
      isGlobal: true,
      ignoreEnvFile: true,
      validatePredefined: false,
      skipProcessEnv: true,
      load: Object.entries(config).map(([name, value]) => factoryOf(name, value)),
    });
  }
}
