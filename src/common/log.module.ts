import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { HealthRegistry } from './health-registry.js';
import { Log } from './log.js';

/** Makes injectable everywhere what every folder tells its state by: the log and the registry. */
@Global()
@Module({})
export class LogModule {
  static forRoot(log: Log): DynamicModule {
    return {
      module: LogModule,
      providers: [{ provide: Log, useValue: log }, HealthRegistry],
      exports: [Log, HealthRegistry],
    };
  }
}
