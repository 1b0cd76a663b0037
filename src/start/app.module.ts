import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import type { DynamicModule } from '@nestjs/common';
import { AuditModule } from '../audit/index.js';
import { AuthorizationRequestsModule } from '../authorization-requests/index.js';
import { ClientTokensModule } from '../client-tokens/index.js';
import { ClientsModule } from '../clients/index.js';
import { LogModule } from '../common/index.js';
import type { Log } from '../common/index.js';
import { ConfigModule } from '../config/index.js';
import type { VaultConfig } from '../config/index.js';
import { ConsoleModule } from '../console/index.js';
import { DatabaseModule } from '../database/index.js';
import { EncryptionModule, Keyring } from '../encryption/index.js';
import { EndsModule } from '../ends/index.js';
import { EventsModule } from '../events/index.js';
import { GrantsModule } from '../grants/index.js';
import { HealthModule } from '../health/index.js';
import { JournalModule } from '../journal/index.js';
import { LifecycleModule } from '../lifecycle/index.js';
import { MetricsModule } from '../metrics/index.js';
import { ProvidersModule } from '../providers/index.js';
import type { ProviderFactory } from '../providers/index.js';
import { RefresherModule } from '../refresher/index.js';
import { StitchConnectModule } from '../stitch-connect/index.js';
import { TokensModule } from '../tokens/index.js';
import { TracingModule } from '../tracing/index.js';
import { VaultParts } from './vault-parts.js';

/** The composition root. */
@Module({})
export class AppModule {
  static forRoot(
    config: VaultConfig,
    log: Log,
    providers: readonly ProviderFactory[],
  ): DynamicModule {
    return {
      module: AppModule,
      imports: [
        LogModule.forRoot(log),
        ConfigModule.forRoot(config),
        ScheduleModule.forRoot(),
        LifecycleModule,
        EncryptionModule.forRoot(new Keyring(config.encryption.keyring)),
        MetricsModule,
        TracingModule,
        DatabaseModule,
        AuditModule,
        JournalModule,
        ProvidersModule.forRoot(providers),
        GrantsModule,
        TokensModule,
        RefresherModule,
        AuthorizationRequestsModule,
        StitchConnectModule,
        ClientTokensModule,
        EventsModule,
        EndsModule,
        ClientsModule,
        HealthModule,
        ConsoleModule,
      ],
      providers: [VaultParts],
    };
  }
}
