import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Log, StorageUnavailableError } from '../common/index.js';
import { VAULT_CONFIG } from '../config/index.js';
import type { VaultConfig } from '../config/index.js';
import { Database, DatabaseClock } from '../database/index.js';
import type { Query } from '../database/index.js';
import { Sealer } from '../encryption/index.js';
import { Metrics } from '../metrics/index.js';
import { Spool } from '../spool/index.js';
import { GrantLinker } from '../tokens/index.js';
import { KEPT_LINK_FORMAT } from './kept-link.js';
import type { KeptLink } from './kept-link.js';
import { RequestStore } from './request.store.js';

/** Milliseconds between looks for links that somebody left behind. */
const INTERVAL = 5000;
/**
 * Milliseconds after which a callback has given up what it was given, or its process is gone. One
 * that is still at it does no harm: whoever stores it second finds its request ended.
 */
const SETTLED = 10_000;

/**
 * Stores what a consent brought, once and for certain: the code is spent, and a user who is asked
 * again may not come back. It is spooled first; what a killed process or a long outage of the
 * database left there is stored later, by whoever works with the directory.
 */
@Injectable()
export class LinkKeeper {
  readonly spool: Spool<KeptLink>;
  private started = false;
  private adopting = false;

  constructor(
    @Inject(VAULT_CONFIG) config: VaultConfig,
    private readonly requests: RequestStore,
    private readonly linker: GrantLinker,
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    sealer: Sealer,
    metrics: Metrics,
    private readonly log: Log,
  ) {
    this.spool = new Spool(join(config.spoolDir, 'links'), sealer, log, KEPT_LINK_FORMAT);
    metrics.gauge('stitch_vault_links_in_hand', 'Consents not stored yet.', [], () => [
      { labels: {}, value: this.waiting().length },
    ]);
    metrics.gauge('stitch_vault_links_set_aside', 'Consents that could not be used.', [], () => [
      { labels: {}, value: this.spool.setAsideCount },
    ]);
  }

  /** Begins to look for what was left behind. Call it once the keyring is known to be complete. */
  start(): void {
    this.started = true;
  }

  stop(): void {
    this.started = false;
  }

  /**
   * Stores a link. A database that is away is waited for, though not for ever: somebody sits
   * before a browser.
   *
   * @returns `kept` when it will be stored as soon as the database is back; `lost` when there is
   *   no database and no disk either
   */
  async store(link: KeptLink): Promise<'stored' | 'kept' | 'lost'> {
    const entry = this.spool.write(link);
    this.spool.sync(entry);
    try {
      await this.linker.store(link.grant, (query) =>
        // False when an earlier try has stored it, whose commit went through and whose answer was
        // lost: what was done with it since, a confirmation or a deletion, must not be undone.
        this.requests.end(link.requestId, link.status, null, query),
      );
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) {
        this.spool.setAside(entry, 'refused_by_database');
        throw error;
      }
      const kept = entry === undefined ? 'lost' : 'kept';
      this.log.failure(`authorization_request.${kept}`, error, this.names(link));
      return kept;
    }
    this.spool.remove(entry);
    return 'stored';
  }

  /** Stores what was left behind. */
  @Interval('adopt-links', INTERVAL)
  async adopt(): Promise<void> {
    if (!this.started || this.adopting || !this.database.available) return;
    this.adopting = true;
    try {
      for (const entry of this.waiting(this.clock.now() - SETTLED)) await this.adoptOne(entry);
    } finally {
      this.adopting = false;
    }
  }

  private async adoptOne(entry: string): Promise<void> {
    try {
      const link = this.spool.read(entry)?.item;
      if (!link) return;
      await this.linker.store(link.grant, (query) => this.claim(link, query));
      this.spool.remove(entry);
      this.log.event('info', 'authorization_request.recovered', this.names(link));
    } catch (error) {
      if (error instanceof StorageUnavailableError) return;
      this.log.failure('authorization_request.recovery_failed', error, { entry });
      this.spool.setAside(entry, 'refused_by_database');
    }
  }

  /** Whether a link that was left behind is still wanted. What is not must not live on unknown. */
  private async claim({ requestId, status, grant }: KeptLink, query: Query): Promise<boolean> {
    const now = await this.requests.lock(requestId, query);
    if (now !== undefined && now !== 'pending') return false;
    const overtaken = status === 'completed' && (await this.requests.overtaken(grant, query));
    if (now === undefined || overtaken) {
      await this.requests.end(requestId, 'failed', 'superseded', query);
      await this.linker.revoke(grant, query);
      return false;
    }
    return this.requests.end(requestId, status, null, query);
  }

  private waiting(before?: number): string[] {
    try {
      return this.spool.list(before);
    } catch (error) {
      this.log.failure('spool.list_failed', error);
      return [];
    }
  }

  private readonly names = ({ requestId, grant }: KeptLink) => ({
    provider: grant.provider,
    authorization_request: requestId,
  });
}
