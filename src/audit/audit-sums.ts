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

type Sum = Countable & { count: number; requestId: string | null };

/** Sums of events until they are written. Its size has a bound, whoever asks for whatever. */
export class AuditSums {
  private sums = new Map<string, Sum>();

  /** How many events were summed without the grant they are about. */
  folded = 0;

  constructor(private readonly capacity = CAPACITY) {}

  get size(): number {
    return this.sums.size;
  }

  /** On the path of every read: one key, one look into a map. */
  add(event: Countable, requestId: string | null, count = 1): void {
    const key = keyOf(event);
    const sum = this.sums.get(key);
    if (sum) {
      sum.count += count;
      sum.requestId = null;
      return;
    }
    if (this.sums.size >= this.capacity && (event.userId ?? event.provider) !== null) {
      this.folded += count;
      const nobody = { provider: null, userId: null, connection: null, version: null };
      this.add({ ...event, ...nobody }, null, count);
      return;
    }
    this.sums.set(key, { ...event, count, requestId });
  }

  /** What was summed since the last time, to be written. */
  take(): AuditContent[] {
    const taken = this.sums;
    this.sums = new Map();
    return [...taken.values()].map((sum) => ({ ...sum, data: null }));
  }
}

const keyOf = ({ type, client, provider, userId, connection, version, outcome }: Countable) =>
  `${type}\n${client ?? ''}\n${provider ?? ''}\n${userId ?? ''}\n${connection ?? ''}\n${String(version)}\n${outcome}`;
