import type { EnvironmentReader } from './environment-reader.js';
import { defineNamespace } from './namespace.js';
import { ENDPOINT_URL, parseEndpointUrl } from './parsers.js';
import { readWebhooks } from './read-webhooks.js';
import type { WebhookReceiverConfig } from './read-webhooks.js';
import { WEBHOOK_SECRET_TEXT, parseWebhookSecrets } from './webhook-secret.js';

/** Where events are sent. */
export interface WebhookConfig {
  readonly url: string;
  /** `whsec_<base64>`, newest first; every one of them signs. */
  readonly secrets: readonly string[];
}

/** What becomes of events. */
export interface EventsConfig {
  /** Undefined: they are kept to be read and not sent. */
  readonly webhook: WebhookConfig | undefined;
  /** Those of `WEBHOOKS_FILE`, beside it. */
  readonly receivers: readonly WebhookReceiverConfig[];
  /** How long before a grant or a credential ends it is told; 0: grants are not told of. */
  readonly expiringAheadMs: number;
}

const DAY_MS = 86_400_000;

export const eventsConfig = defineNamespace('events', (reader): EventsConfig => ({
  webhook: readWebhook(reader),
  receivers: readWebhooks(reader),
  expiringAheadMs: reader.integer('GRANT_EXPIRING_DAYS', 14, 0, 90) * DAY_MS,
}));

/** Where events are sent and what signs them: both or neither. */
function readWebhook(reader: EnvironmentReader): WebhookConfig | undefined {
  const [given, secret] = reader.pair('WEBHOOK_URL', 'WEBHOOK_SECRET');
  if (!given) return undefined;
  // Before the secret is missed: each variable is named.
  const url = reader.parse('WEBHOOK_URL', ENDPOINT_URL, '', parseEndpointUrl);
  if (!secret) return undefined;
  const secrets = reader.parse('WEBHOOK_SECRET', WEBHOOK_SECRET_TEXT, [], parseWebhookSecrets);
  return { url, secrets };
}
