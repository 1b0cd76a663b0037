import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { GrantsModule } from '../grants/index.js';
import { HealthController } from './health.controller.js';
import { HealthWatch } from './health-watch.js';
import { KeyringCheck } from './keyring-check.js';
import { KeyringGate } from './keyring-gate.js';
import { KeysPart } from './keys-part.js';
import { Indicators } from './indicators.js';
import { ProvidersPart } from './providers-part.js';
import { SpoolPart } from './spool-part.js';

/** Liveness and readiness. */
@Module({
  imports: [TerminusModule.forRoot({ logger: false }), GrantsModule],
  controllers: [HealthController],
  providers: [
    HealthWatch,
    Indicators,
    KeyringCheck,
    KeyringGate,
    KeysPart,
    ProvidersPart,
    SpoolPart,
  ],
  exports: [KeyringGate],
})
export class HealthModule {}
