import type { Clock } from '../common/index.js';
import { isUnusual, judgeProvider } from './judge-provider.js';
import type { ProviderVerdict, Trouble } from './judge-provider.js';

/** Milliseconds of each of the two spans for which refusals and orderly calls are counted. */
const SPAN_MS = 300_000;
/** Grants remembered as in trouble of their own; the oldest are forgotten first. */
const KNOWN_AT_MOST = 10_000;
/** Calls of which it is known whether one grant more was refused with them. */
const LAST_CALLS = 25;

interface Ended {
  readonly at: number;
  readonly refused: boolean;
  /** Whether it spent the token for nothing. */
  readonly spent: boolean;
}

interface Span {
  readonly from: number;
  readonly refused: Set<string>;
  orderly: number;
}

/**
 * What the calls to one provider showed, by different grants. A grant that failed while others
 * were served is in trouble of its own: it counts no more, until it was served itself.
 */
export class ProviderLedger {
  /** Trouble of different grants since the last call that ended in order. */
  private readonly since = new Map<string, Trouble>();
  private readonly troubled = new Set<string>();
  /** Refused, and not served since: to hear the same once more says nothing new. */
  private readonly refused = new Set<string>();
  /** The last calls that ended in order or refused one grant more. */
  private readonly last: Ended[] = [];
  private current: Span;
  private before: Span | undefined;

  constructor(private readonly clock: Pick<Clock, 'now'>) {
    this.current = this.span();
  }

  get verdict(): ProviderVerdict {
    this.turn();
    const since = {
      ...{ unreachable: 0, limited: 0, failed: 0, overdue: 0 },
      ...{ refused: 0, spent: 0, unreadable: 0 },
    };
    for (const trouble of this.since.values()) since[trouble] += 1;
    const { current, before } = this;
    return judgeProvider({
      since,
      refusedLately: new Set([...current.refused, ...(before?.refused ?? [])]).size,
      refusedOfLast: this.last.filter(({ refused }) => refused).length,
      // Of five minutes at most: where calls are few it must not last for hours.
      spentOfLast: this.last.filter(({ spent, at }) => spent && this.clock.now() - at < SPAN_MS)
        .length,
      orderlyLately: current.orderly + (before?.orderly ?? 0),
    });
  }

  /** Whether this grant fails while others are served. */
  isTroubled(grant: string): boolean {
    return this.troubled.has(grant);
  }

  /** A call for this grant ended in order. */
  orderly(grant: string): void {
    this.turn();
    this.current.orderly += 1;
    this.troubled.delete(grant);
    this.refused.delete(grant);
    this.note(false, false);
    if (this.since.size === 0) return;
    this.since.delete(grant);
    for (const other of this.since.keys()) this.troubled.add(other);
    this.since.clear();
    forgetOldest(this.troubled);
  }

  /**
   * A call for this grant met trouble.
   *
   * @param answerLost whether an earlier answer for it was lost: that it is spent is the provider's doing,
   *   and not that of a process that ended
   * @returns whether that is news: what a grant met before, beside others that were served, is none
   */
  met(grant: string, trouble: Trouble, answerLost = false): boolean {
    this.turn();
    // However often one grant fails beside others that are served, it is one; and however often it is
    // refused. Only that it is refused from now on is news.
    if (isUnusual(trouble) ? this.refused.has(grant) : this.troubled.has(grant)) return false;
    if (isUnusual(trouble)) {
      this.refused.add(grant);
      forgetOldest(this.refused);
      this.current.refused.add(grant);
      this.note(true, trouble === 'unreadable' || (trouble === 'spent' && answerLost));
    }
    const before = this.since.get(grant);
    if (before === undefined || !isUnusual(before)) this.since.set(grant, trouble);
    return true;
  }

  private note(refused: boolean, spent: boolean): void {
    this.last.push({ at: this.clock.now(), refused, spent });
    if (this.last.length > LAST_CALLS) this.last.shift();
  }

  private turn(): void {
    const age = this.clock.now() - this.current.from;
    if (age < SPAN_MS) return;
    this.before = age < 2 * SPAN_MS ? this.current : undefined;
    this.current = this.span();
  }

  private span(): Span {
    return { from: this.clock.now(), refused: new Set(), orderly: 0 };
  }
}

function forgetOldest(grants: Set<string>): void {
  for (const oldest of grants) {
    if (grants.size <= KNOWN_AT_MOST) break;
    grants.delete(oldest);
  }
}
