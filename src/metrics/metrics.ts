import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { MetricName } from './metric-names.js';
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

  readonly rotations = this.counter(
    'stitch_vault_rotations_total',
    'Ended rotation attempts by provider and outcome.',
    ['provider', 'outcome'],
  );

  readonly lifeLeft = this.histogram(
    'stitch_vault_rotation_life_left_seconds',
    'Seconds the replaced access token had left when its rotation was committed.',
    ['provider'],
    [-60, 0, 5, 15, 30, 60, 120, 180, 300, 600],
  );

  readonly providerCalls = this.histogram(
    'stitch_vault_provider_call_seconds',
    'Duration of refresh calls by provider.',
    ['provider'],
    [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  );

  readonly credentialRefusals = this.counter(
    'stitch_vault_credential_refusals_total',
    'Calls in which a provider refused our own credentials.',
    ['provider'],
  );

  readonly clientTokenCalls = this.counter(
    'stitch_vault_client_token_calls_total',
    "Calls for a provider's tokens of the client itself, by provider and outcome.",
    ['provider', 'outcome'],
  );

  readonly alteredRequests = this.counter(
    'stitch_vault_requests_refused_total',
    'Authorization requests refused because somebody changed their rows.',
    [],
  );

  readonly refusedEvents = this.counter(
    'stitch_vault_events_refused_total',
    'Events that are not sent because somebody made them up or changed them by SQL.',
    [],
  );

  readonly refusedGrants = this.counter(
    'stitch_vault_grants_refused_total',
    'Readings of a grant that was refused because somebody put it back or changed it by SQL.',
    ['reason'],
  );

  /** Reads by whether the cache had the grant. */
  readonly cacheReads = { hit: 0, miss: 0 };

  readonly distrusted = this.counter(
    'stitch_vault_stale_trust_refusals_total',
    'Requests refused because the database could not be asked for longer than STALE_TRUST.',
    ['what'],
  );

  readonly notificationFloods = this.counter(
    'stitch_vault_notification_floods_total',
    'Times the connection that listens for changes was cut because too many were told of.',
    [],
  );

  readonly tlsUntil = this.settable(
    'stitch_vault_tls_certificate_expires_timestamp_seconds',
    'When the certificate that a listener shows ends.',
    ['listener'],
  );

  readonly tlsBroken = this.settable(
    'stitch_vault_tls_not_renewed',
    'Whether the files of a listener have changed to something that cannot be used.',
    ['listener'],
  );

  readonly droppedConnections = this.counter(
    'stitch_vault_connections_dropped_total',
    'Connections closed at once because a listener had as many as it takes.',
    ['listener'],
  );

  readonly webhookEventsDropped = this.counter(
    'stitch_vault_webhook_events_dropped_total',
    'Events that are not sent any more: nobody took them for days, or the receiver is gone.',
    [],
  );

  readonly webhookDeliveries = this.counter(
    'stitch_vault_webhook_deliveries_total',
    'Attempts to deliver an event by outcome.',
    ['outcome'],
  );

  readonly requests = new RequestDurations(this.registry);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    for (const reason of ['altered', 'consent_ended']) this.refusedGrants.inc({ reason }, 0);
    for (const what of ['client', 'grant']) this.distrusted.inc({ what }, 0);
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

  /**
   * Has what is alerted on for a provider begin at 0: `increase()` does not see the first of a series that
   * begins with it, and a replica that has just been started may count no second one.
   */
  expect(provider: string): void {
    for (const outcome of ['committed', 'invalid_grant'])
      this.rotations.inc({ provider, outcome }, 0);
    this.credentialRefusals.inc({ provider }, 0);
    this.lifeLeft.zero({ provider });
  }

  /** Adds a gauge of a single value that is read when it is asked for. */
  value(name: MetricName, help: string, read: () => number | Promise<number>): void {
    this.gauge(name, help, [], async () => [{ labels: {}, value: await read() }]);
  }

  /** Adds a counter that is kept elsewhere and read when it is asked for. */
  count(name: MetricName, help: string, read: () => number): void {
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
  gauge(name: MetricName, help: string, labelNames: readonly string[], read: GaugeReader): void {
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

  private counter<L extends string>(name: MetricName, help: string, labelNames: readonly L[]) {
    return new Counter<L>({ name, help, labelNames, registers: [this.registry] });
  }

  private settable<L extends string>(name: MetricName, help: string, labelNames: readonly L[]) {
    return new Gauge<L>({ name, help, labelNames, registers: [this.registry] });
  }

  private histogram<L extends string>(
    name: MetricName,
    help: string,
    labelNames: readonly L[],
    buckets: number[],
  ) {
    return new Histogram<L>({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}
