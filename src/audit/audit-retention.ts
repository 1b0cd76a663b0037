import { Inject, Injectable } from '@nestjs/common';
import { Log, StorageUnavailableError } from '../common/index.js';
import { auditConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock } from '../database/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import { note } from './audit-event.js';
import { genuine } from './audit-mac.js';
import { readNote } from './audit-marker.js';
import { AuditStore } from './audit.store.js';
import { ChainWriter } from './chain-writer.js';

/** Milliseconds between two looks at what is old. */
const LOOK_EVERY_MS = 600_000;

/**
 * Removes what is older than `AUDIT_RETENTION_DAYS`. First it writes into the chain up to where, so
 * that what retention removed is told from what somebody removed. It goes up to a mark, whose count
 * is what verifying begins with from then on.
 */
@Injectable()
export class AuditRetention {
  private readonly days: number;

  constructor(
    @Inject(auditConfig.KEY) config: ConfigType<typeof auditConfig>,
    private readonly store: AuditStore,
    private readonly writer: ChainWriter,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
    works: BackgroundWorks,
  ) {
    const prune = (signal: AbortSignal) => this.prune(signal);
    works.every('prune-audit', LOOK_EVERY_MS, prune, 'after-requests');
    this.days = config.retentionDays;
  }

  private async prune(signal: AbortSignal): Promise<void> {
    if (!this.clock.tellsAges) return;
    try {
      const through = await this.announce();
      let gone = 0;
      for (let batch = 1; through > 0 && batch > 0 && !signal.aborted; gone += batch) {
        batch = await this.store.prune(through, this.days);
      }
      if (gone > 0) this.log.event('info', 'audit.pruned', { rows: gone });
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) this.log.failure('audit.failed', error);
    }
  }

  /** @returns the position up to which rows may go; 0 when none may */
  private async announce(): Promise<number> {
    const { through } = await this.writer.writeNotes(async (query, key) => {
      if (!(await this.store.tryMarkLock(query))) return { notes: [], through: 0 };
      const keys = new Map([[key.id, key]]);
      const pruned = genuine(await this.store.newestNotes('audit.pruned', query), keys);
      const before = pruned ? readNote(pruned).through : 0;
      const mark = genuine(await this.store.marksBefore(this.days, query), keys);
      if (!mark) return { notes: [], through: before };
      const { through: upTo, total } = readNote(mark);
      const notes = upTo > before ? [note('audit.pruned', { through: upTo, total })] : [];
      return { notes, through: Math.max(upTo, before) };
    });
    return through;
  }
}
