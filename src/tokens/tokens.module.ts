import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { GrantCache } from './grant-cache.js';
import { GrantEntity } from './grant.entity.js';
import { GrantStore } from './grant.store.js';
import { ReadTracker } from './read-tracker.js';
import { RotationStore } from './rotation.store.js';
import { TokenReader } from './token-reader.service.js';
import { TokenSealer } from './token-sealer.js';
import { TokensController } from './tokens.controller.js';

/** Encrypted storage of grants and the read path. */
@Module({
  imports: [TypeOrmModule.forFeature([GrantEntity])],
  controllers: [TokensController],
  providers: [GrantStore, RotationStore, GrantCache, ReadTracker, TokenSealer, TokenReader],
  exports: [GrantStore, RotationStore, GrantCache, ReadTracker, TokenSealer],
})
export class TokensModule {}
