import { acceptIf } from './environment-reader.js';
import type { EnvironmentReader } from './environment-reader.js';
import { defineNamespace } from './namespace.js';
import { ENDPOINT_URL, parseEndpointUrl } from './parsers.js';

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
  /** How long before a grant or a credential ends it is told; 0: grants are not told of. */
  readonly expiringAheadMs: number;
}

const DAY_MS = 86_400_000;

export const eventsConfig = defineNamespace('events', (reader): EventsConfig => ({
  webhook: readWebhook(reader),
  expiringAheadMs: reader.integer('GRANT_EXPIRING_DAYS', 14, 0, 90) * DAY_MS,
}));

/** Where events are sent and what signs them: both or neither. */
function readWebhook(reader: EnvironmentReader): WebhookConfig | undefined {
  const [given, secret] = reader.pair('WEBHOOK_URL', 'WEBHOOK_SECRET');
  if (!given || !secret) return undefined;
  const url = reader.parse('WEBHOOK_URL', ENDPOINT_URL, '', parseEndpointUrl);
  const secrets = reader.parse(
    'WEBHOOK_SECRET',
    'whsec_base64(24 to 64 bytes), or several separated by commas, newest first',
    [],
    parseWebhookSecrets,
  );
  return { url, secrets };
}

/** `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks, "Signature scheme"). */
function parseWebhookSecrets(text: string): string[] {
  return text.split(/,|\r?\n/).map((item) => {
    const secret = item.trim();
    const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/.exec(secret) ?? [];
    const bytes = Buffer.from(encoded, 'base64');
    // Letter by letter: the library decodes strictly, and would throw at every event.
    const exact = bytes.toString('base64') === encoded;
    return acceptIf(secret, exact && bytes.length >= 24 && bytes.length <= 64);
  });
}
