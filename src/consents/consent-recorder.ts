import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { Log } from '../common/index.js';
import { journalConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { Database, DatabaseClock, History, mayBeTakenLater } from '../database/index.js';
import type { Query } from '../database/index.js';
import { Sealer } from '../encryption/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import { Metrics } from '../metrics/index.js';
import { Journal, Shelf } from '../journal/index.js';
import { ConsentHistory, GrantLinker } from '../grants/index.js';
import { ConsentedRequests } from './consented-requests.js';
import { SPOOLED_CONSENT_FORMAT } from './spooled-consent.js';
import type { SpooledConsent } from './spooled-consent.js';

/** Milliseconds between looks for links that somebody left behind. */
const INTERVAL_MS = 5000;
/**
 * Milliseconds after the provider was asked. Most callbacks have given up by then, or their process
 * is gone. A callback that still works does no harm: the second one finds that the request has
 * ended.
 */
const SETTLED_AFTER_MS = 10_000;

/** Errors of requests that were ended before what their consents brought was stored. */
const ENDED_UNSTORED: ReadonlySet<string | null> = new Set(['deleted', 'superseded']);

/**
 * What became of a link: `kept` is stored as soon as the database is back; `discarded` was deleted
 * or replaced meanwhile and is revoked; `lost` found no database and no disk either.
 */
export type LinkEnd = 'stored' | 'kept' | 'discarded' | 'lost';

/**
 * Stores the tokens of a consent exactly once. The code is spent, and a user who is asked again may
 * not come back. So the tokens are written to the spool first. What a killed process or a long
 * outage of the database left there is stored later, by any process that works with the directory.
 */
@Injectable()
export class ConsentRecorder {
  private readonly shelf: Shelf<SpooledConsent>;
  private unlisted = false;

  constructor(
    @Inject(journalConfig.KEY) config: ConfigType<typeof journalConfig>,
    private readonly requests: ConsentedRequests,
    private readonly linker: GrantLinker,
    private readonly history: ConsentHistory,
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    journal: Journal,
    databaseHistory: History,
    sealer: Sealer,
    metrics: Metrics,
    private readonly log: Log,
    works: BackgroundWorks,
  ) {
    works.every('recover-consents', INTERVAL_MS, (signal) => this.recoverAbandoned(signal));
    const earlier = join(config.directory, 'links');
    this.shelf = new Shelf(journal, SPOOLED_CONSENT_FORMAT, earlier, sealer, log);
    databaseHistory.onForgotten('consents', () => this.storeAnew());
    metrics.gauge('stitch_vault_links_in_hand', 'Consents not stored yet.', [], () => [
      { labels: {}, value: this.waiting().length },
    ]);
    metrics.gauge('stitch_vault_links_set_aside', 'Consents that could not be used.', [], () => [
      { labels: {}, value: this.shelf.setAsideCount },
    ]);
  }

  /**
   * Stores a link. It waits for a database that is away, but not long: a user waits in front of a
   * browser.
   *
   * @param late whether the user may have consented anew meanwhile: that is not replaced
   */
  async store(link: SpooledConsent, late = false): Promise<LinkEnd> {
    const entry = await this.shelf.write(link);
    try {
      const end = await this.settle(link, late);
      this.done(entry, end);
      return end;
    } catch (error) {
      if (!mayBeTakenLater(error)) {
        this.shelf.setAside(entry, 'refused_by_database');
        throw error;
      }
      const end = entry === undefined ? 'lost' : 'kept';
      this.log.failure(`authorization_request.${end}`, error, this.names(link));
      return end;
    }
  }

  /** Stores what was left behind. */
  private async recoverAbandoned(signal: AbortSignal): Promise<void> {
    const mayWork = () => !signal.aborted && this.database.available;
    if (!mayWork()) return;
    for (const entry of this.waiting(this.clock.now() - SETTLED_AFTER_MS)) {
      const link = this.read(entry);
      if (link && mayWork()) await this.recoverOne(entry, link);
    }
  }

  /** Stores anew what was stored and a database has forgotten that went back in time. */
  private async storeAnew(): Promise<number> {
    let count = 0;
    for (const entry of this.shelf.remembered()) {
      const link = this.read(entry);
      if (link && (await this.storeForgotten(link))) count += 1;
    }
    return count;
  }

  private async storeForgotten({ requestId, status, grant }: SpooledConsent): Promise<boolean> {
    let forgotten = false;
    await this.linker.store(grant, async (query) => {
      if (requestId !== null) await this.requests.lock(requestId, query);
      forgotten =
        !(await this.history.stored(query, grant)) &&
        !(await this.history.overtakenOrDeleted(query, grant));
      if (forgotten && requestId !== null) {
        await this.requests.end(requestId, status, null, query);
      }
      return forgotten;
    });
    return forgotten;
  }

  private async recoverOne(entry: string, link: SpooledConsent): Promise<void> {
    try {
      const outcome = await this.settle(link, true);
      this.done(entry, outcome);
      const said = { ...this.names(link), outcome };
      this.log.event('info', 'authorization_request.recovered', said);
    } catch (error) {
      if (mayBeTakenLater(error)) return;
      this.log.failure('authorization_request.recovery_failed', error, { entry });
      this.shelf.setAside(entry, 'refused_by_database');
    }
  }

  /** Stores a link together with the end of its request, or has its tokens revoked. */
  private async settle(link: SpooledConsent, late: boolean): Promise<'stored' | 'discarded'> {
    let end: 'stored' | 'discarded' = 'stored';
    await this.linker.store(link.grant, async (query) => {
      const wanted = await this.wanted(link, late, query);
      end = wanted === 'no' ? 'discarded' : 'stored';
      if (wanted === 'no') await this.linker.revoke(link.grant, query);
      return wanted === 'yes';
    });
    return end;
  }

  /**
   * Whether a link is still to be stored; `done` when an earlier try has, whose commit went through
   * and whose answer was lost: what was done with it since must not be undone.
   *
   * @param late whether others may have had a turn meanwhile
   */
  private async wanted(
    link: SpooledConsent,
    late: boolean,
    query: Query,
  ): Promise<'yes' | 'no' | 'done'> {
    const { requestId, status, grant } = link;
    if (requestId === null) {
      if (await this.history.stored(query, grant)) return 'done';
      return late && (await this.history.overtakenOrDeleted(query, grant)) ? 'no' : 'yes';
    }
    const now = await this.requests.lock(requestId, query);
    // Requests are purged after a day: that of a consent stored long ago is gone as well.
    if (now === undefined) return (await this.history.stored(query, grant)) ? 'done' : 'no';
    if (now.status !== 'pending') return ENDED_UNSTORED.has(now.error) ? 'no' : 'done';
    const overtaken = late && (await this.history.overtaken(query, grant));
    if (overtaken) await this.requests.end(requestId, 'failed', 'superseded', query);
    else {
      const refreshable = grant.refreshToken !== null;
      await this.requests.end(requestId, status, null, query, { refreshable });
    }
    return overtaken ? 'no' : 'yes';
  }

  private read(entry: string): SpooledConsent | undefined {
    try {
      return this.shelf.read(entry)?.item;
    } catch (error) {
      // Trouble of the disk that may pass. The spool sets aside what can never be read.
      this.log.failure('authorization_request.unreadable', error, { entry });
      return undefined;
    }
  }

  private waiting(before?: number): string[] {
    try {
      const entries = this.shelf.list(before);
      this.unlisted = false;
      return entries;
    } catch (error) {
      // Once until it can be read: it is looked at for every reading of the metrics, too.
      if (!this.unlisted) this.log.failure('spool.list_failed', error);
      this.unlisted = true;
      return [];
    }
  }

  /** What was stored is remembered for a while: the database may come back without it. */
  private done(entry: string | undefined, end: 'stored' | 'discarded'): void {
    if (end === 'stored') this.shelf.settle(entry);
    else this.shelf.discard(entry);
  }

  private readonly names = ({ requestId, grant }: SpooledConsent) => ({
    provider: grant.provider,
    ...(requestId === null ? { user_id: grant.userId } : { authorization_request: requestId }),
  });
}
