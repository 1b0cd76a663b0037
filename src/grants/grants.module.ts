import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventsModule } from '../events/index.js';
import { ConsentHistory } from './consent-history.store.js';
import { DeadTokens } from './dead-tokens.js';
import { EndedConsent } from './ended-consent.entity.js';
import { EndingStore } from './ending.store.js';
import { GrantAuthenticity } from './grant-authenticity.js';
import { GrantMemory } from './grant-memory.js';
import { GrantLinker } from './grant-linker.js';
import { GrantScheduleStore } from './grant-schedule.store.js';
import { GrantStatistics } from './grant-statistics.js';
import { GrantEntity } from './grant.entity.js';
import { GrantStore } from './grant.store.js';
import { GrantsController } from './grants.controller.js';
import { ProviderTrustStore } from './provider-trust.store.js';
import { RestoreStore } from './restore.store.js';
import { RotationStore } from './rotation.store.js';
import { SharedConsents } from './shared-consents.js';
import { TokenSealer } from './token-sealer.js';
import { ConsentedGrant } from './unconfirmed.entity.js';
import { UnconfirmedStore } from './unconfirmed.store.js';
import { UserGrantsStore } from './user-grants.store.js';

/** Grants and their encrypted storage: the only code that writes their two tables. */
@Module({
  imports: [TypeOrmModule.forFeature([GrantEntity, ConsentedGrant, EndedConsent]), EventsModule],
  controllers: [GrantsController],
  providers: [
    ConsentHistory,
    DeadTokens,
    EndingStore,
    GrantAuthenticity,
    GrantLinker,
    GrantMemory,
    GrantScheduleStore,
    GrantStatistics,
    GrantStore,
    ProviderTrustStore,
    RestoreStore,
    RotationStore,
    SharedConsents,
    TokenSealer,
    UnconfirmedStore,
    UserGrantsStore,
  ],
  exports: [
    ConsentHistory,
    EndingStore,
    GrantLinker,
    GrantMemory,
    GrantScheduleStore,
    GrantStore,
    ProviderTrustStore,
    RestoreStore,
    RotationStore,
    SharedConsents,
    TokenSealer,
    UnconfirmedStore,
    UserGrantsStore,
  ],
})
export class GrantsModule {}
