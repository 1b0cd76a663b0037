import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { databaseConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock } from './database-clock.js';
import { DatabaseGauges } from './database-gauges.js';
import { HistoryPart } from './history-part.js';
import { History } from './history.js';
import { DatabaseHeartbeat } from './database-heartbeat.js';
import { Database } from './database.js';
import { dataSourceOptions } from './data-source.js';
import { Notifications } from './notifications.js';
import { ProcessId } from './process-id.js';
import { SchemaCheck } from './schema-check.js';
import { SettingsPart } from './settings-part.js';
import { StaleTrust } from './stale-trust.js';

/**
 * PostgreSQL, the only state that replicas share. TypeORM is initialised by the first pulse, not
 * by the module, so that a vault starts while the database is away and serves as soon as it is back.
 */
@Global()
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [databaseConfig.KEY],
      useFactory: (config: ConfigType<typeof databaseConfig>) => ({
        ...dataSourceOptions(config),
        autoLoadEntities: true,
        manualInitialization: true,
      }),
    }),
  ],
  providers: [
    Database,
    DatabaseClock,
    DatabaseGauges,
    DatabaseHeartbeat,
    History,
    HistoryPart,
    Notifications,
    ProcessId,
    SchemaCheck,
    SettingsPart,
    StaleTrust,
  ],
  exports: [Database, DatabaseClock, History, Notifications, ProcessId, SchemaCheck, StaleTrust],
})
export class DatabaseModule {}
