import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { GrantsModule } from '../grants/index.js';
import { HealthController } from './health.controller.js';
import { KeyringCheck } from './keyring-check.js';
import { Indicators } from './indicators.js';
import { Lifecycle } from './lifecycle.js';

/** Liveness and readiness. */
@Module({
  imports: [TerminusModule.forRoot({ logger: false }), GrantsModule],
  controllers: [HealthController],
  providers: [Indicators, KeyringCheck, Lifecycle],
  exports: [KeyringCheck, Lifecycle],
})
export class HealthModule {}
