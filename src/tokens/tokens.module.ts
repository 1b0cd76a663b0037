import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ConsentHistory } from './consent-history.store.js';
import { GrantCache } from './grant-cache.js';
import { GrantLinker } from './grant-linker.js';
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
import { UnconfirmedEntity } from './unconfirmed.entity.js';
import { UnconfirmedStore } from './unconfirmed.store.js';

/** Encrypted storage of grants and the read path. */
@Module({
  imports: [TypeOrmModule.forFeature([GrantEntity, RevocationEntity, UnconfirmedEntity])],
  controllers: [TokensController, GrantsController],
  providers: [
    ConsentHistory,
    GrantStore,
    RevocationStore,
    RotationStore,
    GrantCache,
    GrantLinker,
    GrantStatistics,
    ReadTracker,
    TokenSealer,
    TokenReader,
    UnconfirmedStore,
  ],
  exports: [
    ConsentHistory,
    GrantCache,
    GrantLinker,
    GrantStore,
    RevocationStore,
    RotationStore,
    ReadTracker,
    TokenReader,
    TokenSealer,
    UnconfirmedStore,
  ],
})
export class TokensModule {}
