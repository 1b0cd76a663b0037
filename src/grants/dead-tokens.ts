import { Injectable } from '@nestjs/common';
import { Log, StorageUnavailableError } from '../common/index.js';
import { Database, DatabaseClock } from '../database/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';

/** Milliseconds between two looks. */
const INTERVAL_MS = 3_600_000;
/** Tokens wiped by one statement. */
const BATCH = 1000;
/** How long after a grant was given up its token may be tried again (`grants retry`). */
export const RETRIABLE_FOR = '30 days';

/** Wipes the refresh tokens of grants that were given up, once nobody may try them again. */
@Injectable()
export class DeadTokens {
  constructor(
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
    works: BackgroundWorks,
  ) {
    works.every('wipe-dead-tokens', INTERVAL_MS, (signal) => this.run(signal));
  }

  /** @returns how many were wiped */
  async wipe(signal?: AbortSignal): Promise<number> {
    let wiped = 0;
    for (let count = BATCH; count === BATCH && !signal?.aborted; wiped += count) {
      const rows = await this.database.query(
        `UPDATE stitch_grants g SET refresh_token = NULL
         FROM (SELECT provider, user_id, connection FROM stitch_grants
           WHERE retired_at <= now() - interval '${RETRIABLE_FOR}' AND refresh_token IS NOT NULL
             AND status = 'reauthorization_required' AND held_at IS NULL
           ORDER BY retired_at LIMIT ${String(BATCH)} FOR UPDATE SKIP LOCKED) k
         WHERE g.provider = k.provider AND g.user_id = k.user_id AND g.connection = k.connection
         RETURNING 1`,
      );
      count = rows.length;
    }
    return wiped;
  }

  private async run(signal: AbortSignal): Promise<void> {
    if (!this.clock.tellsAges) return;
    try {
      const count = await this.wipe(signal);
      if (count > 0) this.log.event('info', 'grants.dead_tokens_wiped', { count });
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) this.log.failure('purge.failed', error);
    }
  }
}
