import { ProviderError } from '../provider-error.js';
import type { Credential } from './credentials.js';
import { toProviderError } from './errors.js';

/** Milliseconds within which refused credentials are followed by the next; leases allow for it. */
const TIME_FOR_REFUSALS_MS = 3000;

/**
 * Finds out by which of its credentials a provider knows the client, so that a secret can be changed
 * there and here at different times.
 */
export class CredentialTrials {
  /** The credential that the provider knew the client by last. */
  private current = 0;

  /** @param credentials newest first */
  constructor(private readonly credentials: readonly Credential[]) {}

  /**
   * Calls with the credential that was accepted last; when the provider refuses it, with each of
   * the others. A refused secret should cost the grant nothing: the client is authenticated before
   * it is looked at (RFC 6749 section 3.2.1). For a provider that uses the code up all the same, a
   * secret is remembered not only by a success: whatever error but `invalid_client` the provider
   * has about the request, it knew the client (section 5.2).
   *
   * @throws ProviderError `invalid_client` when none was accepted
   */
  async call<T>(call: (credential: Credential) => Promise<T>): Promise<T> {
    let refused: ProviderError | undefined;
    // Another call may change `current` meanwhile; this one must still try each once.
    const first = this.current;
    const started = performance.now();
    for (let tried = 0; tried < this.credentials.length; tried += 1) {
      const index = (first + tried) % this.credentials.length;
      try {
        const result = await call(this.credentials[index] ?? noCredential());
        this.current = index;
        return result;
      } catch (error) {
        const failure = toProviderError(error);
        if (!failure.concernsProvider) this.current = index;
        if (failure.kind !== 'invalid_client') throw failure;
        refused = failure;
        // The lease outlives one slow call, not one for every secret.
        if (performance.now() - started > TIME_FOR_REFUSALS_MS) break;
      }
    }
    throw refused ?? noCredential();
  }
}

function noCredential(): never {
  throw new ProviderError('invalid_client', 'no_client_secret');
}
