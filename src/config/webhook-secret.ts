import { acceptIf } from './environment-reader.js';

/** What the secrets of a receiver are expected to be. */
export const WEBHOOK_SECRET_TEXT =
  'whsec_base64(24 to 64 bytes), or several separated by commas, newest first';

/** `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks, "Signature scheme"). */
export function parseWebhookSecrets(text: string): string[] {
  return text.split(/,|\r?\n/).map((item) => {
    const secret = item.trim();
    const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/.exec(secret) ?? [];
    const bytes = Buffer.from(encoded, 'base64');
    // Letter by letter: the library decodes strictly, and would throw at every event.
    const exact = bytes.toString('base64') === encoded;
    return acceptIf(secret, exact && bytes.length >= 24 && bytes.length <= 64);
  });
}
