import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { GrantCache } from './grant-cache.js';
import { GrantStatistics } from './grant-statistics.js';
import { GrantEntity } from './grant.entity.js';
import { GrantsController } from './grants.controller.js';
import { GrantStore } from './grant.store.js';
import { ReadTracker } from './read-tracker.js';
import { RevocationEntity } from './revocation.entity.js';
import { RevocationStore } from './revocation.store.js';
import { RotationStore } from './rotation.store.js';
import { TokenReader } from './token-reader.service.js';
import { TokenSealer } from './token-sealer.js';
import { TokensController } from './tokens.controller.js';

/** Encrypted storage of grants and the read path. */
@Module({
  imports: [TypeOrmModule.forFeature([GrantEntity, RevocationEntity])],
  controllers: [TokensController, GrantsController],
  providers: [
    GrantStore,
    RevocationStore,
    RotationStore,
    GrantCache,
    GrantStatistics,
    ReadTracker,
    TokenSealer,
    TokenReader,
  ],
  exports: [GrantStore, RevocationStore, RotationStore, GrantCache, ReadTracker, TokenSealer],
})
export class TokensModule {}
