import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { RequestDurations } from './request-durations.js';

/** One value of a gauge. */
export interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** Reads a gauge's values when Prometheus asks. */
export type GaugeReader = () => readonly Sample[] | Promise<readonly Sample[]>;

/**
 * The vault's Prometheus metrics, described in docs/operations.md. Labels are provider names,
 * outcomes and routes: never a user, a token or anything else that is unbounded or private.
 */
export class Metrics {
  readonly registry = new Registry();

  readonly rotations = new Counter({
    name: 'stitch_vault_rotations_total',
    help: 'Ended rotation attempts by provider and outcome.',
    labelNames: ['provider', 'outcome'] as const,
    registers: [this.registry],
  });

  readonly lifeLeft = new Histogram({
    name: 'stitch_vault_rotation_life_left_seconds',
    help: 'Seconds the replaced access token had left when its rotation was committed.',
    labelNames: ['provider'] as const,
    buckets: [-60, 0, 5, 15, 30, 60, 120, 180, 300, 600],
    registers: [this.registry],
  });

  readonly providerCalls = new Histogram({
    name: 'stitch_vault_provider_call_seconds',
    help: 'Duration of refresh calls by provider.',
    labelNames: ['provider'] as const,
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [this.registry],
  });

  readonly credentialRefusals = new Counter({
    name: 'stitch_vault_credential_refusals_total',
    help: 'Calls in which a provider refused our own credentials.',
    labelNames: ['provider'] as const,
    registers: [this.registry],
  });

  readonly clientTokenCalls = new Counter({
    name: 'stitch_vault_client_token_calls_total',
    help: "Calls for a provider's tokens of the client itself, by provider and outcome.",
    labelNames: ['provider', 'outcome'] as const,
    registers: [this.registry],
  });

  /** Reads by whether the cache had the grant. */
  readonly cacheReads = { hit: 0, miss: 0 };

  readonly distrusted = new Counter({
    name: 'stitch_vault_stale_trust_refusals_total',
    help: 'Requests refused because the database could not be asked for longer than STALE_TRUST.',
    labelNames: ['what'] as const,
    registers: [this.registry],
  });

  readonly notificationFloods = new Counter({
    name: 'stitch_vault_notification_floods_total',
    help: 'Times the connection that listens for changes was cut because too many were told of.',
    registers: [this.registry],
  });

  readonly tlsUntil = new Gauge({
    name: 'stitch_vault_tls_certificate_expires_timestamp_seconds',
    help: 'When the certificate that a listener shows ends.',
    labelNames: ['listener'] as const,
    registers: [this.registry],
  });

  readonly tlsBroken = new Gauge({
    name: 'stitch_vault_tls_not_renewed',
    help: 'Whether the files of a listener have changed to something that cannot be used.',
    labelNames: ['listener'] as const,
    registers: [this.registry],
  });

  readonly droppedConnections = new Counter({
    name: 'stitch_vault_connections_dropped_total',
    help: 'Connections closed at once because a listener had as many as it takes.',
    labelNames: ['listener'] as const,
    registers: [this.registry],
  });

  readonly webhookEventsDropped = new Counter({
    name: 'stitch_vault_webhook_events_dropped_total',
    help: 'Events that are not sent any more: nobody took them for days, or the receiver is gone.',
    registers: [this.registry],
  });

  readonly webhookDeliveries = new Counter({
    name: 'stitch_vault_webhook_deliveries_total',
    help: 'Attempts to deliver an event by outcome.',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });

  readonly requests = new RequestDurations(this.registry);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    const { registry, cacheReads } = this;
    new Counter({
      name: 'stitch_vault_cache_reads_total',
      help: 'Reads by whether the cache had the grant.',
      labelNames: ['result'] as const,
      registers: [registry],
      collect() {
        this.reset();
        for (const [result, count] of Object.entries(cacheReads)) this.inc({ result }, count);
      },
    });
  }

  /** Adds a gauge of a single value that is read when it is asked for. */
  value(name: string, help: string, read: () => number | Promise<number>): void {
    this.gauge(name, help, [], async () => [{ labels: {}, value: await read() }]);
  }

  /** Adds a counter that is kept elsewhere and read when it is asked for. */
  count(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  /** Adds a gauge that is read when it is asked for. */
  gauge(name: string, help: string, labelNames: readonly string[], read: GaugeReader): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      async collect() {
        const samples = await read();
        this.reset();
        for (const { labels, value } of samples) this.set(labels, value);
      },
    });
  }
}
