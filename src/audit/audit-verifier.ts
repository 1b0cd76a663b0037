import { Injectable } from '@nestjs/common';
import { Database, DatabaseClock } from '../database/index.js';
import { AuditKeyStore } from './audit-keys.store.js';
import { genuine } from './audit-mac.js';
import type { AuditKey } from './audit-mac.js';
import { readNote } from './audit-marker.js';
import type { Pruning } from './audit-marker.js';
import { AuditVerification } from './audit-verification.js';
import type { AuditProblem, DeletedGrant } from './audit-verification.js';
import { AuditStore } from './audit.store.js';

/** Rows that are read at once, and grants that are looked up at once. */
const PAGE = 5000;
const LOOKED_UP = 500;
/** Milliseconds between two looks at whether somebody still writes, and how many looks there are. */
const LOOK_AGAIN_MS = 20;
const MOST_LOOKS = 50;

/** Of these grants, those that there are. */
type LookUp = (deleted: readonly DeletedGrant[]) => Promise<readonly DeletedGrant[]>;

/** A head that none of the keys has made. */
export class UnknownHeadError extends Error {
  constructor() {
    super('This is no head of this audit.');
    this.name = 'UnknownHeadError';
  }
}

/** That all is there and as it was written, up to a head; or what is wrong first. */
export type VerificationResult =
  | { readonly ok: true; readonly events: number; readonly head: string }
  | ({ readonly ok: false } & AuditProblem);

/** Verifies the audit as a whole, beside vaults that go on writing it. */
@Injectable()
export class AuditVerifier {
  constructor(
    private readonly database: Database,
    private readonly store: AuditStore,
    private readonly keys: AuditKeyStore,
    private readonly clock: DatabaseClock,
  ) {}

  /**
   * @param head one that was seen before: what was there then has to be there still
   * @param alive which of these grants there are: the audit says that none of them is
   * @throws UnknownHeadError, EncryptionError, StorageUnavailableError
   */
  async run(head: string | undefined, alive: LookUp): Promise<VerificationResult> {
    const keys = await this.keys.all(this.database.query);
    const said = head === undefined ? undefined : readHead(head, keys);
    for (;;) {
      const start = await this.start(keys);
      const result = await this.once(keys, start, said, alive);
      if (result.ok) return result;
      // Retention may have removed meanwhile what this had not read yet.
      const now = await this.start(keys);
      if (now.through === start.through) return result;
    }
  }

  private async once(
    keys: ReadonlyMap<number, AuditKey>,
    start: Pruning,
    head: Pruning | undefined,
    alive: LookUp,
  ): Promise<VerificationResult> {
    const through = await this.horizon();
    const verification = new AuditVerification(keys, start);
    // Until the position of the head is passed, this is how many rows there are up to it.
    let atHead = start.total;
    for (let after = start.through, full = true; full;) {
      const rows = await this.store.rows(after, through, PAGE);
      for (const row of rows) {
        const problem = verification.next(row);
        if (problem) return { ok: false, ...problem };
        if (head && row.position <= head.through) atHead = verification.total;
      }
      after = rows.at(-1)?.position ?? after;
      full = rows.length === PAGE;
    }
    if (head && head.through >= start.through && atHead < head.total) {
      return { ok: false, position: head.through, problem: 'removed' };
    }
    const position = await this.putBack([...verification.deleted.values()], alive);
    if (position !== undefined) return { ok: false, position, problem: 'put_back' };
    const key = [...keys.values()].at(-1);
    const { events, total } = verification;
    return { ok: true, events, head: key?.head(through, total) ?? '' };
  }

  /** The position of the deletion of a grant that is there again although nobody has linked it. */
  private async putBack(deleted: DeletedGrant[], alive: LookUp): Promise<number | undefined> {
    for (let from = 0; from < deleted.length; from += LOOKED_UP) {
      for (const grant of await alive(deleted.slice(from, from + LOOKED_UP))) {
        // It may have been linked since the audit was read: that is written together with the grant.
        if (!(await this.store.wasLinkedLast(grant))) return grant.position;
      }
    }
    return undefined;
  }

  /**
   * Up to where everything is verified, and what the head covers: all that was there when this began.
   * While somebody writes, the horizon stays up to 255 positions behind, in a small audit at 0; a
   * head of that moment would not notice that the newest rows are removed. Transactions that write
   * take milliseconds, so looking again for a second is enough.
   */
  private async horizon(): Promise<number> {
    const newest = await this.store.newestPosition();
    let through = await this.store.horizon();
    for (let looks = 1; through < newest && looks < MOST_LOOKS; looks += 1) {
      await this.clock.sleep(LOOK_AGAIN_MS);
      through = Math.max(through, await this.store.horizon());
    }
    return through;
  }

  /** What retention has removed, by the newest note that the vault has written of it. */
  private async start(keys: ReadonlyMap<number, AuditKey>): Promise<Pruning> {
    const pruned = genuine(await this.store.newestNotes('audit.pruned'), keys);
    return pruned ? readNote(pruned) : { through: 0, total: 0 };
  }
}

function readHead(head: string, keys: ReadonlyMap<number, AuditKey>): Pruning {
  for (const key of keys.values()) {
    const said = key.readHead(head);
    if (said) return said;
  }
  throw new UnknownHeadError();
}
