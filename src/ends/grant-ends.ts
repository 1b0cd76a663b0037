import { Inject, Injectable } from '@nestjs/common';
import { Log, StorageUnavailableError } from '../common/index.js';
import { eventsConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock } from '../database/index.js';
import { EndingStore } from '../grants/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import { ProviderRegistry } from '../providers/index.js';

/** Milliseconds between two looks: a token of minutes that can't be refreshed is to be announced. */
const INTERVAL_MS = 60_000;

/** Announces grants that come to their end, so that a product can ask its user in time. */
@Injectable()
export class GrantEnds {
  constructor(
    @Inject(eventsConfig.KEY) private readonly config: ConfigType<typeof eventsConfig>,
    private readonly providers: ProviderRegistry,
    private readonly store: EndingStore,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
    works: BackgroundWorks,
  ) {
    if (config.expiringAheadMs > 0) {
      works.every('announce-ends', INTERVAL_MS, (signal) => this.look(signal));
    }
  }

  /** Announces what ends soon, of every provider that is configured. */
  async look(signal?: AbortSignal): Promise<void> {
    // An announcement is made once.
    if (!this.clock.tellsAges) return;
    try {
      for (const { provider } of this.providers.all()) {
        if (signal?.aborted) return;
        const idle = provider.refreshTokenIdleSeconds ?? null;
        const count = await this.store.announce(provider.name, this.config.expiringAheadMs, idle);
        if (count > 0) {
          this.log.event('warn', 'grants.expiring', { provider: provider.name, count });
        }
      }
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) this.log.failure('ends.failed', error);
    }
  }
}
