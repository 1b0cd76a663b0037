import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Log, SteadyClock, StorageUnavailableError } from '../common/index.js';
import { eventsConfig, outboundConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { Database, DatabaseClock } from '../database/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import { Metrics } from '../metrics/index.js';
import type { MetricName, Sample } from '../metrics/index.js';
import { EventAuthenticity } from './event-authenticity.js';
import { EventLogStore } from './event-log.store.js';
import { EventOutboxStore } from './event-outbox.store.js';
import { ReceiverOutbox } from './receiver-outbox.store.js';
import { WebhookEndpoint } from './webhook-endpoint.js';
import { IN_FLIGHT, WebhookSender } from './webhook-sender.js';

/** Milliseconds between two looks into the outbox, and between two clean-ups. */
const INTERVAL_MS = 1000;
const UPKEEP_INTERVAL_MS = 60_000;
/** Milliseconds for one attempt to deliver. */
const ATTEMPT_TIMEOUT_MS = 10_000;
/** Milliseconds for which the counted backlog is good. */
const REMEMBERED_MS = 15_000;

type Backlog = Awaited<ReturnType<EventOutboxStore['backlog']>>;

/** A receiver of `WEBHOOKS_FILE` at work. */
interface ReceiverDelivery {
  readonly outbox: ReceiverOutbox;
  readonly sender: WebhookSender;
}

/** Sends events by schedule where a receiver is configured, and keeps the table in bounds. */
@Injectable()
export class EventDelivery implements OnModuleInit {
  /** A receiver is left alone for as long as it asks, whatever is done to the database's clock. */
  private readonly steady = new SteadyClock();
  private readonly sender: WebhookSender | undefined;
  private readonly receivers: readonly ReceiverDelivery[];
  private counted: { at: number; backlog: Promise<Backlog> } | undefined;

  constructor(
    @Inject(eventsConfig.KEY) { webhook, receivers }: ConfigType<typeof eventsConfig>,
    @Inject(outboundConfig.KEY) proxies: ConfigType<typeof outboundConfig>,
    private readonly outbox: EventOutboxStore,
    database: Database,
    events: EventLogStore,
    authenticity: EventAuthenticity,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
    private readonly metrics: Metrics,
    works: BackgroundWorks,
  ) {
    this.receivers = receivers.map((config) => {
      const { name, types } = config;
      const outbox = new ReceiverOutbox(database, events, authenticity, name, types, clock);
      const endpoint = new WebhookEndpoint(config, clock, ATTEMPT_TIMEOUT_MS, IN_FLIGHT, proxies);
      const sender = new WebhookSender(outbox, endpoint, this.steady, log, metrics, name);
      works.every(`send-events-${name}`, INTERVAL_MS, () => sender.run());
      return { outbox, sender };
    });
    works.add({ start: () => undefined, stop: () => undefined, drain: () => this.drain() });
    works.every('events-upkeep', UPKEEP_INTERVAL_MS, () => this.upkeep());
    if (!webhook) return;
    const endpoint = new WebhookEndpoint(webhook, clock, ATTEMPT_TIMEOUT_MS, IN_FLIGHT, proxies);
    const sender = new WebhookSender(outbox, endpoint, this.steady, log, metrics);
    this.sender = sender;
    works.every('send-events', INTERVAL_MS, () => sender.run());
  }

  onModuleInit(): void {
    if (this.receivers.length > 0) {
      this.metrics.gauge(
        'stitch_vault_webhook_receiver_pending',
        'Events waiting to be sent to a further receiver.',
        ['receiver'],
        () => Promise.all(this.receivers.map(pendingOf)),
      );
    }
    // Without a receiver nothing waits for anybody.
    if (!this.sender) return;
    const one = (name: MetricName, help: string, read: (backlog: Backlog) => number) => {
      this.metrics.gauge(name, help, [], async () => [
        { labels: {}, value: read(await this.backlog()) },
      ]);
    };
    one('stitch_vault_events_pending', 'Events waiting to be sent.', ({ count }) => count);
    one('stitch_vault_events_age_seconds', 'How long the oldest has waited.', ({ age }) => age);
  }

  /** Sends nothing more and ends what is under way, in bounded time. */
  async drain(): Promise<void> {
    const further = this.receivers.map(({ sender }) => sender);
    const senders = this.sender ? [this.sender, ...further] : further;
    await Promise.all(senders.map((sender) => sender.drain()));
  }

  /** Gives up what nobody took for days, and removes what is old. */
  async upkeep(): Promise<void> {
    if (!this.clock.tellsAges) return;
    try {
      const expired = await this.outbox.expire();
      if (this.sender) this.givenUp(expired);
      for (const { outbox } of this.receivers) this.givenUp(await outbox.expire(), outbox.name);
      const purged = await this.outbox.purge();
      if (purged > 0) this.log.event('debug', 'events.purged', { count: purged });
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) this.log.failure('purge.failed', error);
    }
  }

  private givenUp(count: number, receiver?: string): void {
    if (count === 0) return;
    this.metrics.webhookDeliveries.inc({ outcome: 'given_up' }, count);
    this.metrics.webhookEventsDropped.inc(count);
    this.log.event('error', 'webhooks.given_up', { count, ...(receiver && { receiver }) });
  }

  private backlog(): Promise<Backlog> {
    const now = this.steady.now();
    if (!this.counted || now - this.counted.at > REMEMBERED_MS) {
      const backlog = this.outbox.backlog().catch((error: unknown) => {
        // The other metrics are wanted all the more while the database is away.
        if (error instanceof StorageUnavailableError) return { count: 0, age: 0 };
        throw error;
      });
      this.counted = { at: now, backlog };
    }
    return this.counted.backlog;
  }
}

async function pendingOf({ outbox }: ReceiverDelivery): Promise<Sample> {
  const labels = { receiver: outbox.name };
  try {
    return { labels, value: (await outbox.backlog()).count };
  } catch (error) {
    // The other metrics are wanted all the more while the database is away.
    if (error instanceof StorageUnavailableError) return { labels, value: 0 };
    throw error;
  }
}
