import { Global, Module } from '@nestjs/common';
import { AuditKeyStore } from './audit-keys.store.js';
import { AuditLog } from './audit-log.js';
import { AuditMarker } from './audit-marker.js';
import { AuditRetention } from './audit-retention.js';
import { AuditTrail } from './audit-trail.js';
import { AuditController } from './audit.controller.js';
import { AuditStore } from './audit.store.js';
import { ChainStore } from './chain.store.js';
import { ChainWriter } from './chain-writer.js';
import { GrantChanges } from './grant-changes.store.js';

/** Who did what, so that nobody can change it unnoticed. Global, because every folder with a route notes what it did. */
@Global()
@Module({
  controllers: [AuditController],
  providers: [
    AuditKeyStore,
    AuditLog,
    AuditMarker,
    AuditRetention,
    AuditStore,
    AuditTrail,
    ChainStore,
    ChainWriter,
    GrantChanges,
  ],
  exports: [AuditKeyStore, AuditLog, AuditTrail, GrantChanges],
})
export class AuditModule {}
