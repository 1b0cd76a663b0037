import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Log } from './log.js';

/** Makes the log injectable everywhere. */
@Global()
@Module({})
export class LogModule {
  static forRoot(log: Log): DynamicModule {
    return { module: LogModule, providers: [{ provide: Log, useValue: log }], exports: [Log] };
  }
}
