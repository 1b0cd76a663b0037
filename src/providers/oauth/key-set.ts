import * as oidc from 'openid-client';
import { membersOf } from '../answer.js';
import { ProviderError } from '../provider-error.js';
import type { ProviderHttp } from '../provider-http.js';
import { toNotSent } from './server-metadata.js';

/** Milliseconds after which the keys are fetched anew before a code is spent. */
const FRESH_MS = 300_000;

/** A provider's keys: at hand before a code is spent for an id_token that they have to verify. */
export class KeySet {
  private keys: oidc.JWKS | undefined;
  private fetchedAt = 0;

  constructor(private readonly http: ProviderHttp) {}

  /**
   * Lends the keys to a client of the library, which fetches them again when it meets an unknown
   * key id.
   *
   * @throws ProviderError when there are none and none can be had
   */
  async lendTo(client: oidc.Configuration, uri: string): Promise<void> {
    if (!this.keys || Date.now() - this.fetchedAt > FRESH_MS) {
      try {
        this.keys = await this.fetch(uri);
        this.fetchedAt = Date.now();
      } catch (error) {
        // Old keys are better than a link that fails: an id_token of a newer one is refused.
        if (!this.keys) throw toNotSent(error);
      }
    }
    oidc.setJwksCache(client, { jwks: this.keys, uat: Math.floor(this.fetchedAt / 1000) });
  }

  private async fetch(uri: string): Promise<oidc.JWKS> {
    const answer = await this.http.send(uri, { headers: { accept: 'application/json' } });
    const keys: unknown = answer.status === 200 ? membersOf(answer)?.keys : undefined;
    // No code was spent yet, so there is nothing to doubt.
    if (!Array.isArray(keys)) throw new ProviderError('unreachable', 'no_key_set');
    const found: oidc.JWK[] = keys as unknown[] as oidc.JWK[];
    return { keys: found };
  }
}
