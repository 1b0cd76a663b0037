import { Inject, Injectable } from '@nestjs/common';
import { StorageUnavailableError } from '../common/index.js';
import { databaseConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { Metrics } from '../metrics/index.js';
import { Database } from './database.js';

/**
 * How long what is in memory is believed while the database can't be asked (`STALE_TRUST`): a
 * replica that is cut off from it hears neither of a revoked key nor of a deleted grant.
 */
@Injectable()
export class StaleTrust {
  constructor(
    @Inject(databaseConfig.KEY)
    private readonly config: Pick<ConfigType<typeof databaseConfig>, 'staleTrustMs'>,
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  /** Whether what is in memory may still be believed. */
  get holds(): boolean {
    return this.database.silentForMs < this.config.staleTrustMs;
  }

  /**
   * Counts a refusal when what is in memory may not be believed any more.
   *
   * @throws StorageUnavailableError
   */
  assert(what: 'client' | 'grant'): void {
    if (this.holds) return;
    this.metrics.distrusted.inc({ what });
    throw new StorageUnavailableError();
  }
}
