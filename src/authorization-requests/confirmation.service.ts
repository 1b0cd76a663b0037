import { Injectable } from '@nestjs/common';
import { Log, VaultError, notFound } from '../common/index.js';
import { Database } from '../database/index.js';
import { GrantStore } from '../tokens/index.js';
import { RequestStore } from './request.store.js';

const conflict = (code: string, detail: string) => new VaultError(409, code, 'Conflict', detail);

/**
 * The second half of a link made with `confirm`: the caller says who came back. Against connection
 * fixation: whoever sends a victim their own authorization link gets nothing by it, because the
 * victim comes back under the victim's session.
 */
@Injectable()
export class ConfirmationService {
  constructor(
    private readonly database: Database,
    private readonly requests: RequestStore,
    private readonly grants: GrantStore,
    private readonly log: Log,
  ) {}

  /**
   * Makes the grant readable if `userId` is who the request was made for; discards it otherwise.
   * Confirming once more is no error.
   *
   * @throws VaultError 404 `not_found`; 409 `user_mismatch`, `not_awaiting_confirmation`
   */
  async confirm(id: string, userId: string): Promise<void> {
    const matched = await this.database.transaction(async (query) => {
      const request = await this.requests.lock(query, id);
      if (!request) throw notFound('There is no such authorization request.');
      const { status, confirm } = request;
      if (confirm && status === 'completed' && request.userId === userId) return true;
      if (status !== 'awaiting_confirmation') {
        throw conflict('not_awaiting_confirmation', 'This request does not await confirmation.');
      }
      if (request.userId !== userId) {
        await this.grants.discard(query, request, id);
        await this.requests.settle(query, id, 'failed', 'user_mismatch');
        return false;
      }
      const confirmed = await this.grants.confirm(query, request, id);
      if (!confirmed) {
        throw conflict('not_awaiting_confirmation', 'The grant has been replaced or deleted.');
      }
      await this.requests.settle(query, id, 'completed', null);
      return true;
    });
    this.log.event(matched ? 'info' : 'warn', 'authorization_request.confirmation', {
      authorization_request: id,
      matched,
    });
    if (!matched)
      throw conflict('user_mismatch', 'Somebody else consented; the grant was discarded.');
  }
}
