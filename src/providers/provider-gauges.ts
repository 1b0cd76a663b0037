import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Metrics } from '../metrics/index.js';
import { ProviderRegistry } from './provider-registry.js';

/** Values of the breaker gauge. */
const STATES = { closed: 0, half_open: 1, open: 2 } as const;

/** Gauges about the calls to providers. */
@Injectable()
export class ProviderGauges implements OnModuleInit {
  constructor(
    private readonly providers: ProviderRegistry,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauge(
      'stitch_vault_breaker_state',
      'Circuit breaker by provider: 0 closed, 1 half open, 2 open.',
      ['provider'],
      () =>
        this.providers.all().map(({ provider, breaker }) => ({
          labels: { provider: provider.name },
          value: STATES[breaker.state],
        })),
    );
    this.metrics.gauge(
      'stitch_vault_provider_calls_in_flight',
      'Refresh calls in flight by provider.',
      ['provider'],
      () =>
        this.providers.all().map(({ provider, limit }) => ({
          labels: { provider: provider.name },
          value: limit.inFlight,
        })),
    );
  }
}
