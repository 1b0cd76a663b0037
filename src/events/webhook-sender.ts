import { StorageUnavailableError, withTimeLimit } from '../common/index.js';
import type { Clock, Log } from '../common/index.js';
import type { Metrics } from '../metrics/index.js';
import type { ClaimedEvent } from './event.js';
import type { EventOutboxStore } from './event-outbox.store.js';
import { ReceiverPatience } from './receiver-patience.js';
import type { WebhookEndpoint } from './webhook-endpoint.js';

/** Attempts in flight in one process. */
export const IN_FLIGHT = 16;
/** Milliseconds that an event is claimed for: well beyond the deadline of an attempt. */
const LEASE_MS = 60_000;
/** Milliseconds that attempts in flight are waited for when the process stops. */
const PATIENCE_MS = 2000;

/**
 * Empties the outbox of events. At least once and in no strict order: an attempt whose answer was
 * lost is repeated, under the same `webhook-id`. Any number of replicas may do it.
 */
export class WebhookSender {
  private readonly inFlight = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private readonly patience = new ReceiverPatience();
  private looking: Promise<void> | undefined;
  private cancelled = false;

  constructor(
    private readonly outbox: Pick<EventOutboxStore, 'claim' | 'delivered' | 'failed'>,
    private readonly endpoint: WebhookEndpoint,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly metrics: Metrics,
    /** The name of a further receiver, for the log. */
    private readonly receiver?: string,
  ) {}

  /** Sends what is due, as long as there is any. One look at a time. */
  run(): Promise<void> {
    this.looking ??= this.look().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  /**
   * Takes no more work and ends what is in flight, in bounded time. An attempt that is cut short
   * is due again at once, here or elsewhere.
   */
  async drain(): Promise<void> {
    this.cancelled = true;
    await withTimeLimit(this.clock, PATIENCE_MS, this.idle());
    this.stopping.abort();
    await this.idle();
    await this.endpoint.close();
  }

  private async idle(): Promise<void> {
    await this.looking;
    await Promise.all(this.inFlight);
  }

  private async look(): Promise<void> {
    try {
      while (!this.cancelled && !this.patience.isPaused(this.clock.now())) {
        const room = IN_FLIGHT - this.inFlight.size;
        const claimed = await this.outbox.claim(room, LEASE_MS);
        for (const event of claimed) this.track(this.send(event));
        if (claimed.length < room) return;
        await Promise.race(this.inFlight);
      }
    } catch (error) {
      this.report(error);
    }
  }

  private async send(event: ClaimedEvent): Promise<void> {
    const outcome = await this.endpoint.deliver(event, this.stopping.signal);
    const { type, attempts } = event;
    const { receiver } = this;
    const fields = { type, event_id: event.eventId, attempts, ...(receiver && { receiver }) };
    if (outcome.kind === 'delivered') {
      this.patience.delivered();
      await this.outbox.delivered(event.id);
      this.log.event('debug', 'webhook.delivered', fields);
    } else if (this.stopping.signal.aborted) {
      await this.outbox.failed(event, 'interrupted', 0);
    } else {
      const retryIn = this.patience.failed(outcome, this.clock.now(), attempts);
      await this.outbox.failed(event, outcome.reason, retryIn);
      this.log.event('warn', 'webhook.failed', { ...fields, reason: outcome.reason });
      if (retryIn === null) this.metrics.webhookEventsDropped.inc();
    }
    this.metrics.webhookDeliveries.inc({ outcome: outcome.kind });
  }

  private track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => {
        // What could not be noted is sent once more when its lease has run out.
        this.report(error);
      })
      .finally(() => {
        this.inFlight.delete(tracked);
      });
    this.inFlight.add(tracked);
  }

  private report(error: unknown): void {
    if (!(error instanceof StorageUnavailableError)) this.log.failure('webhooks.failed', error);
  }
}
