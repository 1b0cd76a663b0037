import type { Clock } from '../common/index.js';
import { grantKeyText } from '../grants/index.js';
import type { GrantKey } from '../grants/index.js';

/** Milliseconds: longer than a claim can take to come back. */
const CLAIM_UNDER_WAY = 10_000;

/** For which grants there are answers that are not committed yet, and for which some were found lately. */
export class UncommittedAnswers {
  private readonly held = new Map<string, number>();
  /** When each came, the oldest first. */
  private readonly since = new Set<{ readonly at: number }>();
  private readonly recovered = new Map<string, { version: number; at: number }>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** How many. */
  get size(): number {
    return [...this.held.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Milliseconds for which the oldest of them has waited; 0 without any. */
  get oldestMs(): number {
    const [oldest] = this.since;
    return oldest ? Math.max(0, this.clock.now() - oldest.at) : 0;
  }

  /** Counts an answer for this grant until `work` has ended. */
  async during<T>(key: GrantKey, work: () => Promise<T>): Promise<T> {
    const text = grantKeyText(key);
    this.held.set(text, (this.held.get(text) ?? 0) + 1);
    const came = { at: this.clock.now() };
    this.since.add(came);
    try {
      return await work();
    } finally {
      this.since.delete(came);
      const left = (this.held.get(text) ?? 1) - 1;
      if (left > 0) this.held.set(text, left);
      else this.held.delete(text);
    }
  }

  /** Whether there is an answer for this grant. */
  has(key: GrantKey): boolean {
    return this.held.has(grantKeyText(key));
  }

  /**
   * Whether the refresh token of this version must not be presented: an answer for the grant is
   * not committed yet, or one that was found was committed just now. A claim that was under way then may bring
   * the row as it was before.
   */
  forbids(grant: GrantKey & { readonly version: number }): boolean {
    if (this.has(grant)) return true;
    const recovered = this.recovered.get(grantKeyText(grant));
    return (
      recovered !== undefined &&
      grant.version <= recovered.version &&
      recovered.at > this.clock.now() - CLAIM_UNDER_WAY
    );
  }

  /** One that was found in the journal is committed now. */
  wasRecovered(grant: GrantKey & { readonly version: number }): void {
    const now = this.clock.now();
    // Oldest first: the order of a map is that in which its keys were added.
    for (const [text, { at }] of this.recovered) {
      if (at > now - CLAIM_UNDER_WAY) break;
      this.recovered.delete(text);
    }
    const text = grantKeyText(grant);
    this.recovered.delete(text);
    this.recovered.set(text, { version: grant.version, at: now });
  }
}
