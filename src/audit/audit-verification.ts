import { timingSafeEqual } from 'node:crypto';
import { isNote } from './audit-event.js';
import type { AuditRow } from './audit-event.js';
import { forgeryOf } from './audit-mac.js';
import type { AuditKey, Forgery } from './audit-mac.js';
import { readNote } from './audit-marker.js';
import type { Mark, Pruning } from './audit-marker.js';

/** A grant that was deleted, and the position of the row that says so. */
export interface DeletedGrant {
  readonly provider: string;
  readonly userId: string;
  readonly connection: string;
  readonly position: number;
}

/** What is wrong, and at which position. */
export interface AuditProblem {
  readonly position: number;
  /** `inserted`: nobody vouches for the row; `put_back`: the grant that it deletes is there again. */
  readonly problem: Forgery | 'removed' | 'inserted' | 'put_back';
}

/**
 * Goes through all rows in the order of their positions and says what is wrong first. It begins
 * after what retention has removed, of which a note tells how much there was.
 */
export class AuditVerification {
  /** Events found, without what the audit notes about itself. */
  events = 0;
  /** Rows of all time up to where this is, the removed ones with them. */
  total: number;
  /** Where the deletions of grants stand that were not linked again since, by their names. */
  readonly deleted = new Map<string, DeletedGrant>();
  private readonly chains = new Map<number, { sequence: number; position: number }>();
  private opened: { chain: number; position: number } | undefined;
  private readonly loose = new Map<number, AuditRow>();
  /** Positions that no mark has counted yet. */
  private uncounted: number[] = [];
  private counted: number;

  constructor(
    private readonly keys: ReadonlyMap<number, AuditKey>,
    private readonly start: Pruning,
  ) {
    this.total = start.total;
    this.counted = start.total;
  }

  /** @param row the next one. @returns the first problem that it shows */
  next(row: AuditRow): AuditProblem | undefined {
    this.total += 1;
    this.uncounted.push(row.position);
    if (!isNote(row.type)) this.events += 1;
    this.noteDeletion(row);
    if (row.mac === null) {
      this.loose.set(row.position, row);
      return undefined;
    }
    const forgery = forgeryOf(row, this.keys);
    if (forgery) return { position: row.position, problem: forgery };
    return this.chained(row) ?? (row.type === 'audit.mark' ? this.marked(row) : undefined);
  }

  private noteDeletion({ type, provider, userId, connection, position }: AuditRow): void {
    if (provider === null || userId === null || connection === null) return;
    const name = JSON.stringify([provider, userId, connection]);
    if (type === 'grant.deleted')
      this.deleted.set(name, { provider, userId, connection, position });
    else if (type === 'grant.linked') this.deleted.delete(name);
  }

  /** Whether the row before this one in its chain is there, or was before what retention removed. */
  private chained(row: AuditRow): AuditProblem | undefined {
    const [chain, sequence, previous] = [row.chain ?? 0, row.sequence ?? 0, row.previous ?? 0];
    const removed = { position: previous, problem: 'removed' } as const;
    const before = sequence === 1 ? this.opened : this.chains.get(chain);
    const missing = before ? before.position !== previous : previous > this.start.through;
    this.chains.set(chain, { sequence, position: row.position });
    if (sequence === 1) this.opened = { chain, position: row.position };
    return missing ? removed : undefined;
  }

  private marked(row: AuditRow): AuditProblem | undefined {
    const mark = readNote(row);
    const problem = this.vouched(row, mark) ?? this.counts(row.position, mark);
    return problem;
  }

  /** The rows of triggers that the mark vouches for, and that there are no others up to it. */
  private vouched(row: AuditRow, { through, loose }: Mark): AuditProblem | undefined {
    const key = this.keys.get(row.key ?? 0);
    const tags = new Set(loose.map(([, tag]) => tag));
    for (const [position, tag] of loose) {
      if (position <= this.start.through) continue;
      const found = this.loose.get(position);
      if (!found) return { position, problem: 'removed' };
      this.loose.delete(position);
      const actual = key?.contentTag(found);
      if (actual && timingSafeEqual(actual, Buffer.from(tag, 'hex'))) continue;
      const elsewhere = actual !== undefined && tags.has(actual.toString('hex'));
      return { position, problem: elsewhere ? 'reordered' : 'altered' };
    }
    const stranger = [...this.loose.keys()].find((position) => position <= through);
    return stranger === undefined ? undefined : { position: stranger, problem: 'inserted' };
  }

  private counts(position: number, { through, total }: Mark): AuditProblem | undefined {
    if (through < this.start.through) return undefined;
    const later = this.uncounted.findIndex((each) => each > through);
    const counted = later === -1 ? this.uncounted.length : later;
    this.uncounted = this.uncounted.slice(counted);
    this.counted += counted;
    if (this.counted === total) return undefined;
    return { position, problem: this.counted < total ? 'removed' : 'inserted' };
  }
}
