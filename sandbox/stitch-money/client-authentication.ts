import { RuleBroken, required } from '../common/form.js';
import type { Form } from '../common/form.js';
import { isOneOf } from '../common/secrets.js';

export interface Client {
  readonly clientId: string;
  /** Every secret that is good now; several while one is being replaced. */
  readonly clientSecrets: readonly string[];
}

/**
 * `client_id` and `client_secret` in the form (S3). A wrong one is HTTP 400 `invalid_client` (I),
 * found before the grant is looked at, so that it burns neither a code nor a refresh token.
 */
export function checkClient(client: Client, form: Form): void {
  const id = required(form, 'client_id');
  const secret = required(form, 'client_secret');
  if (id !== client.clientId || !isOneOf(secret, client.clientSecrets)) {
    throw new RuleBroken('invalid_client', 'client_id and client_secret are registered (S3)');
  }
}
