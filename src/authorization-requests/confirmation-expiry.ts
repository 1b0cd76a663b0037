import { Injectable } from '@nestjs/common';
import { Log } from '../common/index.js';
import { Database, DatabaseClock } from '../database/index.js';
import { UnconfirmedStore } from '../grants/index.js';
import { ConfirmationStore } from './confirmation.store.js';

/**
 * Milliseconds from a user's consent for which it can be confirmed. Callers do that when the
 * browser is back; what is left after an hour was given up, and its token is alive for nobody.
 */
const CONFIRMATION_LIMIT_MS = 3_600_000;

/** Discards and revokes what nobody confirmed in time. */
@Injectable()
export class ConfirmationExpiry {
  constructor(
    private readonly database: Database,
    private readonly requests: ConfirmationStore,
    private readonly unconfirmed: UnconfirmedStore,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
  ) {}

  /**
   * One batch of requests, each ended together with its grant; then grants whose request is gone,
   * which no confirmation can reach.
   *
   * @throws StorageUnavailableError
   */
  async run(): Promise<void> {
    if (!this.clock.tellsAges) return;
    const expired = await this.database.transaction(async (query) => {
      const requests = await this.requests.lockUnconfirmed(query, CONFIRMATION_LIMIT_MS);
      if (requests.length === 0) return requests;
      await this.unconfirmed.discard(query, requests);
      const ids = requests.map(({ id }) => id);
      await this.requests.settle(query, ids, 'failed', 'confirmation_expired');
      return requests;
    });
    for (const { id, provider } of expired) {
      this.log.event('info', 'authorization_request.ended', {
        provider,
        authorization_request: id,
        status: 'failed',
        error: 'confirmation_expired',
      });
    }
    const orphans = await this.database.transaction((query) =>
      this.unconfirmed.discardOrphans(query, CONFIRMATION_LIMIT_MS),
    );
    if (orphans > 0) this.log.event('warn', 'unconfirmed_grants.discarded', { count: orphans });
  }
}
