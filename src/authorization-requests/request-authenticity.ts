import { Injectable } from '@nestjs/common';
import { Log } from '../common/index.js';
import { EncryptionError } from '../encryption/index.js';
import { Metrics } from '../metrics/index.js';
import { compareTerms } from './request-terms.js';
import { RequestSecrets } from './request-secrets.js';
import type { OpenRequest } from './request.store.js';

/**
 * Milliseconds after the start for which requests of an earlier version are taken, which name no
 * terms: while replicas are replaced one by one, those of before make such requests. Not without an
 * end: somebody may have kept a row of that time, to put it back with another user in it.
 */
const EARLIER_VERSION_MS = 3_600_000;

/** Tells requests that are as the vault made them from those that somebody changed by SQL. */
@Injectable()
export class RequestAuthenticity {
  private readonly startedAtMs = performance.now();

  constructor(
    private readonly secrets: RequestSecrets,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {}

  /**
   * Reports a request that may not be served.
   *
   * @returns whether it may be
   * @throws EncryptionError `unknown_key`: nothing can be said of it without that key
   */
  check(request: OpenRequest): boolean {
    const comparison = this.compare(request);
    const believed =
      comparison === 'same' ||
      (comparison === 'unnamed' && performance.now() - this.startedAtMs < EARLIER_VERSION_MS);
    if (!believed) {
      this.metrics.alteredRequests.inc();
      this.log.event('error', 'authorization_request.altered', {
        authorization_request: request.id,
        reason: comparison === 'altered' ? 'not_authentic' : 'earlier_version',
      });
    }
    return believed;
  }

  private compare(request: OpenRequest): ReturnType<typeof compareTerms> {
    try {
      const verifier = this.secrets.open(request.codeVerifier, 'code_verifier', request.id);
      return compareTerms(request, verifier);
    } catch (error) {
      if (error instanceof EncryptionError && error.code !== 'unknown_key') return 'altered';
      throw error;
    }
  }
}
