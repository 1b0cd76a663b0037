import type { Clock, Log, ReauthorizationReason } from '../common/index.js';
import type { Metrics } from '../metrics/index.js';
import type { ProviderError } from '../providers/index.js';
import type { CommitOutcome, Grant, RotationResult } from '../grants/index.js';
import { isKeptFresh } from './decide-refresh.js';
import type { RefreshPolicy } from './decide-refresh.js';
import type { RotationListener } from './rotation-listener.js';

/** Turns what rotations do into log lines and metrics. */
export class RotationEvents implements RotationListener {
  constructor(
    private readonly log: Log,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
    private readonly policy: RefreshPolicy,
  ) {}

  called(provider: string, milliseconds: number): void {
    this.metrics.providerCalls.observe({ provider }, milliseconds / 1000);
  }

  settled(grant: Grant, result: RotationResult, outcome: CommitOutcome): void {
    const { provider } = grant;
    this.metrics.rotations.inc({ provider, outcome: outcome.kind });
    const now = this.clock.now();
    if (outcome.kind !== 'committed') {
      this.log.event('warn', `grant.rotation_${outcome.kind}`, names(grant));
      return;
    }
    const left = grant.expiresAt === null ? null : Math.floor((grant.expiresAt - now) / 1000);
    // Others are refreshed when somebody wants them, whenever they ended: no sign of being late.
    if (left !== null && isKeptFresh(grant, this.policy)) {
      this.metrics.lifeLeft.observe({ provider }, left);
    }
    this.log.event('info', 'grant.rotated', {
      ...names(grant),
      version: outcome.version,
      expires_in: result.expiresAt === null ? null : Math.floor((result.expiresAt - now) / 1000),
      replaced_with_seconds_left: left,
    });
  }

  scopesDropped(grant: Grant, count: number): void {
    this.log.event('warn', 'grant.scopes_dropped', { ...names(grant), count });
  }

  refused(grant: Grant): void {
    this.metrics.refusedGrants.inc({ reason: 'altered' });
    this.log.event('error', 'grant.refused', { ...names(grant), reason: 'altered' });
  }

  failed(grant: Grant, error: ProviderError): void {
    this.metrics.rotations.inc({ provider: grant.provider, outcome: error.kind });
    if (error.kind === 'invalid_client') {
      this.metrics.credentialRefusals.inc({ provider: grant.provider });
    }
    this.log.event('warn', 'grant.rotation_failed', {
      ...names(grant),
      kind: error.kind,
      reason: error.reason,
    });
  }

  held(grant: Grant, error: ProviderError): void {
    this.log.event('error', 'grant.held', { ...names(grant), reason: error.reason });
  }

  suspected(provider: string, suspected: boolean): void {
    if (suspected) this.log.event('error', 'provider.suspected', { provider });
    else this.log.event('warn', 'provider.trusted', { provider });
  }

  retired(grant: Grant, reason: ReauthorizationReason): void {
    const level = reason === 'rotation_lost' || reason === 'refused' ? 'error' : 'warn';
    this.log.event(level, 'grant.reauthorization_required', { ...names(grant), reason });
  }
}

const names = ({ provider, userId, connection, version }: Grant) => ({
  provider,
  user_id: userId,
  connection,
  version,
});
