import { Injectable } from '@nestjs/common';
import { Log, assertMayTouchUser, confirmationConflict } from '../common/index.js';
import type { Caller } from '../common/index.js';
import { Database } from '../database/index.js';
import { GrantMemory, UnconfirmedStore } from '../grants/index.js';
import { GrantCache } from '../tokens/index.js';
import { ConfirmationStore } from './confirmation.store.js';
import { ownRequest } from './request-owner.js';

/**
 * The second half of a link made with `confirm`: the caller says who came back. Against connection
 * fixation: an attacker who sends a victim the attacker's own link gains nothing, because the
 * victim comes back under the victim's session.
 */
@Injectable()
export class ConfirmationService {
  constructor(
    private readonly database: Database,
    private readonly requests: ConfirmationStore,
    private readonly unconfirmed: UnconfirmedStore,
    private readonly cache: GrantCache,
    private readonly memory: GrantMemory,
    private readonly log: Log,
  ) {}

  /**
   * Makes the grant readable if `userId` is who the request was made for, in place of an earlier
   * one if there is one; discards it otherwise. Confirming once more is no error, also after an
   * answer that was lost.
   *
   * @throws VaultError 403 `forbidden`, or 404 `not_found`, for a request or user that is not the
   *   caller's; 409 `user_mismatch`, `not_awaiting_confirmation`
   */
  async confirm(caller: Caller, id: string, userId: string): Promise<void> {
    assertMayTouchUser(caller, userId);
    const confirmed = await this.database.transaction(async (query) => {
      const request = ownRequest(caller, await this.requests.lock(query, id));
      const { status, confirm } = request;
      if (confirm && status === 'completed' && request.userId === userId) return request;
      if (status !== 'awaiting_confirmation') {
        throw confirmationConflict(
          'not_awaiting_confirmation',
          'This request does not await confirmation.',
        );
      }
      if (request.userId !== userId) {
        await this.unconfirmed.discard(query, [request]);
        await this.requests.settle(query, [id], 'failed', 'user_mismatch');
        return undefined;
      }
      if (!(await this.unconfirmed.confirm(query, request))) {
        throw confirmationConflict(
          'not_awaiting_confirmation',
          'The grant has been replaced or deleted.',
        );
      }
      await this.requests.settle(query, [id], 'completed', null);
      return request;
    });
    const matched = confirmed !== undefined;
    this.log.event(matched ? 'info' : 'warn', 'authorization_request.confirmation', {
      authorization_request: id,
      matched,
    });
    if (!matched)
      throw confirmationConflict(
        'user_mismatch',
        'Somebody else consented; the grant was discarded.',
      );
    const { provider, userId: user, connection } = confirmed;
    await this.memory.confirmed({ provider, userId: user, connection, grantId: id });
    // Others hear of it; whoever confirmed here and reads here must not find the grant before.
    this.cache.invalidate(confirmed);
  }
}
