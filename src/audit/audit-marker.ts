import { Injectable } from '@nestjs/common';
import type { Query } from '../database/index.js';
import { note } from './audit-event.js';
import type { AuditRow } from './audit-event.js';
import { genuine } from './audit-mac.js';
import type { AuditKey } from './audit-mac.js';
import { AuditStore } from './audit.store.js';
import { ChainWriter } from './chain-writer.js';

/** Rows of triggers that one mark vouches for at most. */
const LOOSE_AT_ONCE = 1000;
/** Milliseconds from one mark to the next while triggers have written nothing. */
const MARK_EVERY_MS = 2_000;

/** What a mark says: so many rows there are up to a position, and among them these of triggers. */
export interface Mark {
  readonly through: number;
  readonly total: number;
  /** Position and content tag, in hexadecimal digits, of rows that triggers wrote. */
  readonly loose: readonly (readonly [position: number, tag: string])[];
}

/** What a note of pruning says: everything up to a position goes, so many rows of all time. */
export type Pruning = Omit<Mark, 'loose'>;

const NONE = { through: 0, total: 0 };

/** What a mark or a note of pruning says. @throws SyntaxError for what is none */
export const readNote = ({ data }: Pick<AuditRow, 'data'>): Mark => JSON.parse(data ?? '') as Mark;

/**
 * Does what no single chain can. It vouches for the rows that triggers wrote in the transactions of
 * the changes. It counts all rows, so that somebody notices when a whole chain is missing, or the
 * end of one. One process at a time does it, whichever comes first.
 */
@Injectable()
export class AuditMarker {
  private markedAt = -Infinity;
  /** Whether the last run found somebody else marking, or writing. */
  busy = false;

  constructor(
    private readonly store: AuditStore,
    private readonly writer: ChainWriter,
  ) {}

  /**
   * Writes a mark if there is something to vouch for or enough to count.
   *
   * @param nowMs monotonic milliseconds
   * @param final whether what there is to count is enough, however little time has passed
   * @returns the head that the mark makes, if one was written
   */
  async run(nowMs: number, final = false): Promise<string | undefined> {
    const written = await this.writer.writeNotes(async (query, key) => {
      this.busy = !(await this.store.tryMarkLock(query));
      if (this.busy) return undefined;
      const mark = await this.next(query, key, final || nowMs - this.markedAt >= MARK_EVERY_MS);
      return (
        mark && { notes: [note('audit.mark', mark)], head: key.head(mark.through, mark.total) }
      );
    });
    if (written) this.markedAt = nowMs;
    return written?.head;
  }

  private async next(query: Query, key: AuditKey, countNow: boolean): Promise<Mark | undefined> {
    const keys = new Map([[key.id, key]]);
    const newest = genuine(await this.store.newestNotes('audit.mark', query), keys);
    const last = newest ? readNote(newest) : NONE;
    const horizon = await this.store.horizon(query);
    // Somebody is writing, and readers are kept behind what is marked already: the next mark is due
    // when that is over.
    this.busy = horizon <= last.through;
    if (this.busy) return undefined;
    const loose = await this.store.loose(query, last.through, horizon, LOOSE_AT_ONCE);
    if (loose.length === 0 && !(countNow && (await this.store.hasEvents(query, last.through)))) {
      return undefined;
    }
    const full = loose.length === LOOSE_AT_ONCE;
    const through = full ? (loose.at(-1)?.position ?? horizon) : horizon;
    const total = last.total + (await this.store.count(query, last.through, through));
    const tag = (row: AuditRow) => key.contentTag(row).toString('hex');
    return { through, total, loose: loose.map((row) => [row.position, tag(row)]) };
  }
}
