import { Injectable } from '@nestjs/common';
import { Log, StorageUnavailableError } from '../common/index.js';
import { ConsentHistory } from '../grants/index.js';
import type { IssuedTokens } from '../providers/index.js';
import { Database } from '../database/index.js';
import type { OpenRequest } from './request.store.js';

/**
 * Tells operators what is odd about a consent. None of it is a reason to refuse it: its code is
 * spent, and a user may well have a new login at the same bank.
 */
@Injectable()
export class ConsentNotes {
  constructor(
    private readonly history: ConsentHistory,
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  /**
   * Whom the provider knows the grant's present user by; to be asked before the code is spent, for
   * afterwards nothing may come between the tokens and the disk.
   *
   * @returns null where that is not known, or can't be asked now
   */
  async earlierSubject(request: OpenRequest): Promise<string | null> {
    try {
      return await this.history.subjectOf(this.database.query, request);
    } catch (error) {
      if (error instanceof StorageUnavailableError) return null;
      throw error;
    }
  }

  /** @param earlier the subject of the grant that was there before */
  tell(request: OpenRequest, issued: IssuedTokens, earlier: string | null): void {
    const names = {
      provider: request.provider,
      user_id: request.userId,
      connection: request.connection,
      authorization_request: request.id,
    };
    if (earlier !== null && issued.subject !== null && earlier !== issued.subject) {
      this.log.event('warn', 'grant.another_subject', names);
    }
    if (issued.droppedScopes !== undefined) {
      this.log.event('warn', 'grant.scopes_dropped', { ...names, count: issued.droppedScopes });
    }
  }
}
