import type { Log } from '../common/index.js';

/** An answer that the database refuses for something that is not in it. */
interface PutOffAnswer {
  /** Its entry in the journal, if it has one. */
  readonly entry: string | undefined;
  readonly provider: string;
  /** How often it was offered alone before. */
  readonly setApart: number;
}

/** Tells of answers that are put off: once for each, however often it is offered and by whomever it is brought. */
export class PutOffAnswers {
  private readonly told = new Set<string>();

  constructor(private readonly log: Log) {}

  tell({ entry, provider, setApart }: PutOffAnswer, error: unknown): void {
    const isTold = entry === undefined ? setApart > 0 : this.told.has(entry);
    if (isTold) return;
    if (entry !== undefined) this.told.add(entry);
    this.log.failure('rotation.commit_put_off', error, { provider });
  }

  /** The database has decided about it. */
  forget(entry: string | undefined): void {
    if (entry !== undefined) this.told.delete(entry);
  }
}
