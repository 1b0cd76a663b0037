import { Module } from '@nestjs/common';
import { GrantsModule } from '../grants/index.js';
import { GrantCache } from './grant-cache.js';
import { GrantLoads } from './grant-loads.js';
import { ReadTracker } from './read-tracker.js';
import { RejectionCeiling } from './rejection-ceiling.js';
import { TokenOpener } from './token-opener.js';
import { TokenReader } from './token-reader.service.js';
import { TokensController } from './tokens.controller.js';
import { UsersController } from './users.controller.js';
import { WarmReads } from './warm-reads.js';

/** The read path. */
@Module({
  imports: [GrantsModule],
  controllers: [TokensController, UsersController],
  providers: [
    GrantCache,
    GrantLoads,
    ReadTracker,
    RejectionCeiling,
    TokenOpener,
    TokenReader,
    WarmReads,
  ],
  exports: [GrantCache, ReadTracker, TokenReader, WarmReads],
})
export class TokensModule {}
