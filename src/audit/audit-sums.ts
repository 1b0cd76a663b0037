import type { AuditContent, AuditType } from './audit-event.js';

/** Sums kept apart at most; what comes beyond is summed by type, client and outcome alone. */
const CAPACITY = 50_000;

/** What is summed: events that differ in nothing of this are one row. */
export interface Countable {
  readonly type: AuditType;
  readonly client: string | null;
  readonly provider: string | null;
  readonly userId: string | null;
  readonly connection: string | null;
  readonly version: number | null;
  readonly outcome: string;
}

/** Where an event was counted, for who has the same event again. */
export interface Tally extends Countable {
  /** Whether it was taken to be written: what comes now is counted anew. */
  readonly taken: boolean;
}

type Sum = AuditContent & Tally & { count: number; requestId: string | null; taken: boolean };

/** Sums of events until they are written. Its size has a bound, whoever asks for whatever. */
export class AuditSums {
  private sums = new Map<string, Sum>();

  /** How many events were summed without the grant they are about. */
  folded = 0;

  constructor(private readonly capacity = CAPACITY) {}

  get size(): number {
    return this.sums.size;
  }

  /** Counts an event that was counted before, if it still can be: without its key. */
  again(tally: Tally): boolean {
    if (tally.taken) return false;
    const sum = tally as Sum;
    sum.count += 1;
    sum.requestId = null;
    return true;
  }

  /** @returns where it was counted; undefined if it was folded */
  add(event: Countable, requestId: string | null, count = 1): Tally | undefined {
    const key = keyOf(event);
    const sum = this.sums.get(key);
    if (sum) {
      sum.count += count;
      sum.requestId = null;
      return sum;
    }
    if (this.sums.size >= this.capacity && (event.userId ?? event.provider) !== null) {
      this.folded += count;
      const nobody = { provider: null, userId: null, connection: null, version: null };
      this.add({ ...event, ...nobody }, null, count);
      return undefined;
    }
    const made = { ...event, count, requestId, data: null, taken: false };
    this.sums.set(key, made);
    return made;
  }

  /** What was summed since the last time, to be written. */
  take(): AuditContent[] {
    const taken = this.sums;
    this.sums = new Map();
    return [...taken.values()].map((sum) => {
      sum.taken = true;
      return sum;
    });
  }
}

const keyOf = ({ type, client, provider, userId, connection, version, outcome }: Countable) =>
  `${type}\n${client ?? ''}\n${provider ?? ''}\n${userId ?? ''}\n${connection ?? ''}\n${String(version)}\n${outcome}`;
