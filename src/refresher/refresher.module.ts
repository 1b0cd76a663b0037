import { Global, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { GrantRefresher, TokensModule } from '../tokens/index.js';
import { Revoker } from './revoker.js';
import { RefresherRuntime } from './refresher.runtime.js';

/** Keeps grants fresh: on demand and by schedule, through one rotation path. */
@Global()
@Module({
  imports: [ScheduleModule.forRoot(), TokensModule],
  providers: [
    RefresherRuntime,
    Revoker,
    {
      provide: GrantRefresher,
      inject: [RefresherRuntime],
      useFactory: ({ refresher }: RefresherRuntime) => refresher,
    },
  ],
  exports: [GrantRefresher, RefresherRuntime],
})
export class RefresherModule {}
