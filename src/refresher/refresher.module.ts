import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { GrantsModule, RevocationOutbox } from '../grants/index.js';
import { GrantRefresher, TokensModule } from '../tokens/index.js';
import { RevocationEntity } from './revocation.entity.js';
import { RevocationStatistics } from './revocation-statistics.js';
import { RevocationStore } from './revocation.store.js';
import { Revoker } from './revoker.js';
import { RefresherRuntime } from './refresher.runtime.js';

/**
 * Keeps grants fresh: on demand and by schedule, through one rotation path. Global, because it implements what
 * grants and tokens only know as `RevocationOutbox` and `GrantRefresher`: they cannot import it.
 */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([RevocationEntity]), GrantsModule, TokensModule],
  providers: [
    RefresherRuntime,
    RevocationStatistics,
    RevocationStore,
    Revoker,
    { provide: RevocationOutbox, useExisting: RevocationStore },
    {
      provide: GrantRefresher,
      inject: [RefresherRuntime],
      useFactory: ({ refresher }: RefresherRuntime) => refresher,
    },
  ],
  exports: [GrantRefresher, RefresherRuntime, RevocationOutbox],
})
export class RefresherModule {}
