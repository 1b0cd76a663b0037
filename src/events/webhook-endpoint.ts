import { Webhook } from 'standardwebhooks';
import { request } from 'undici';
import type { Clock } from '../common/index.js';
import type { ProxyConfig, WebhookConfig } from '../config/index.js';
import { OutboundDispatcher, parseRetryAfter } from '../outbound/index.js';
import type { GrantEvent } from './event.js';

/** How an attempt to deliver ended. `gone`: the receiver wants no more of it (410). */
export type DeliveryOutcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'unreachable' | 'gone'; readonly reason: string }
  | {
      readonly kind: 'refused';
      readonly reason: string;
      /** For how long the receiver asks to be left alone. */
      readonly retryAfterMs?: number | undefined;
    };

/**
 * The receiver of events: one POST for each attempt, as the Standard Webhooks specification says
 * (https://www.standardwebhooks.com): `webhook-id` is the event's and stays the same, the timestamp
 * and the signature are of the attempt. Redirects are not followed.
 */
export class WebhookEndpoint {
  private readonly dispatcher: OutboundDispatcher;
  private readonly signers: readonly Webhook[];

  /**
   * @param timeout milliseconds for one attempt
   * @param connections at most
   */
  constructor(
    private readonly config: WebhookConfig,
    private readonly clock: Clock,
    private readonly timeout: number,
    connections: number,
    proxies: ProxyConfig,
  ) {
    this.dispatcher = new OutboundDispatcher(proxies, { connections, connectTimeout: timeout });
    this.signers = config.secrets.map((secret) => new Webhook(secret));
  }

  /** Never throws: what went wrong is the outcome. `signal` cuts the attempt short. */
  async deliver(event: GrantEvent, signal: AbortSignal): Promise<DeliveryOutcome> {
    const { eventId, type, createdAt, data } = event;
    const body = JSON.stringify({ type, timestamp: createdAt.toISOString(), data });
    const now = new Date(this.clock.now());
    // One signature for each secret, so that it can be changed without an interruption.
    const signatures = this.signers.map((signer) => signer.sign(eventId, now, body));
    try {
      const answer = await request(this.config.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'stitch-token-vault',
          'webhook-id': eventId,
          'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
          'webhook-signature': signatures.join(' '),
        },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.timeout)]),
        dispatcher: this.dispatcher,
      });
      // The status is the whole answer; the rest is read only to keep the connection.
      answer.body.dump().catch(() => undefined);
      const { statusCode } = answer;
      if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered' };
      const reason = `http_${statusCode}`;
      if (statusCode === 410) return { kind: 'gone', reason };
      const asked = [429, 503].includes(statusCode) ? answer.headers['retry-after'] : undefined;
      const retryAfterMs = parseRetryAfter(asked === undefined ? asked : String(asked), Date.now());
      return { kind: 'refused', reason, retryAfterMs };
    } catch (error) {
      return { kind: 'unreachable', reason: reasonOf(error) };
    }
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }
}

/** A word about a failed call: a code, never a message, which could hold the URL. */
function reasonOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  const word = typeof code === 'string' ? code : String(name);
  return /^[A-Za-z0-9_]{1,60}$/.test(word) ? word.toLowerCase() : 'network_error';
}
