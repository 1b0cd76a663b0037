import type { Clock } from '../common/index.js';
import { judgeProvider } from './judge-provider.js';
import type { ProviderVerdict, Trouble } from './judge-provider.js';

/** Milliseconds of each of the two spans for which refusals and orderly calls are counted. */
const SPAN_MS = 300_000;
/** Grants remembered as in trouble of their own; the oldest are forgotten first. */
const KNOWN_AT_MOST = 10_000;

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
  private current: Span;
  private before: Span | undefined;

  constructor(private readonly clock: Clock) {
    this.current = this.span();
  }

  get verdict(): ProviderVerdict {
    this.turn();
    const since = { unreachable: 0, limited: 0, failed: 0, unusual: 0 };
    for (const trouble of this.since.values()) since[trouble] += 1;
    const { current, before } = this;
    return judgeProvider({
      since,
      refusedLately: new Set([...current.refused, ...(before?.refused ?? [])]).size,
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
    if (this.since.size === 0) return;
    this.since.delete(grant);
    for (const other of this.since.keys()) this.troubled.add(other);
    this.since.clear();
    for (const oldest of this.troubled) {
      if (this.troubled.size <= KNOWN_AT_MOST) break;
      this.troubled.delete(oldest);
    }
  }

  /** A call for this grant met trouble. */
  met(grant: string, trouble: Trouble): void {
    this.turn();
    if (trouble === 'unusual') this.current.refused.add(grant);
    // However often one grant is refused, it is one; and what would end it always counts.
    if (trouble !== 'unusual' && this.troubled.has(grant)) return;
    if (this.since.get(grant) !== 'unusual') this.since.set(grant, trouble);
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
