import { Injectable } from '@nestjs/common';
import { AuditTrail } from '../audit/index.js';
import { CallbackService, StartService } from '../authorization-requests/index.js';
import { Authentication } from '../clients/index.js';
import { KeyringGate } from '../health/index.js';
import { Journal } from '../journal/index.js';
import { BackgroundWorks, Lifecycle } from '../lifecycle/index.js';
import { Metrics } from '../metrics/index.js';
import { WarmReads } from '../tokens/index.js';
import { Tracing } from '../tracing/index.js';

/** What the start and the stop need of the container: looked up once, checked by the container. */
@Injectable()
export class VaultParts {
  constructor(
    readonly auditTrail: AuditTrail,
    readonly authentication: Authentication,
    readonly callbacks: CallbackService,
    readonly gate: KeyringGate,
    readonly journal: Journal,
    readonly lifecycle: Lifecycle,
    readonly metrics: Metrics,
    readonly starts: StartService,
    readonly tracing: Tracing,
    readonly warmReads: WarmReads,
    readonly works: BackgroundWorks,
  ) {}
}
