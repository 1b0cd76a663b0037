import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ScopeGuard } from './scope.guard.js';
import { Authentication } from './authentication.js';
import { CallerJwts } from './jwt/caller-jwts.js';
import { ClientAuthenticity } from './client-authenticity.js';
import { ClientDirectory } from './client-directory.js';
import { RefusalLog } from './refusal-log.js';
import { ClientMemory } from './client-memory.js';
import { ServiceClient } from './service-client.entity.js';

/** Callers of the internal API: every route asks who they are and what they may do. */
@Module({
  imports: [TypeOrmModule.forFeature([ServiceClient])],
  providers: [
    ClientAuthenticity,
    ClientDirectory,
    CallerJwts,
    ClientMemory,
    Authentication,
    RefusalLog,
    { provide: APP_GUARD, useClass: ScopeGuard },
  ],
  exports: [Authentication],
})
export class ClientsModule {}
