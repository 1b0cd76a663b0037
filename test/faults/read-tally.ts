/** Milliseconds before its end in which a token may be refused as too old. */
const NEARLY_OVER = 2000;

/** Counts what readers got. */
export class ReadTally {
  /** Answered with a token. */
  answered = 0;
  /** Served although the provider does not accept it. */
  dead = 0;
  /** Served to the wrong user. */
  foreign = 0;
  /** Connections that failed, whether or not another replica answered then. */
  cut = 0;
  /** Reads that no replica answered with a token, by the reason. */
  readonly refusals = new Map<string, number>();
  /** Refused although a token the vault has served, or was given, had time to live. */
  refusedThoughValid = 0;
  /** Milliseconds of each answer. */
  readonly latencies: number[] = [];
  /** Longest time in milliseconds for which a grant could not be read. */
  longestOutage = 0;
  private readonly since = new Map<string, number>();
  private readonly goodUntil = new Map<string, number>();

  get wrong(): number {
    return this.dead + this.foreign;
  }

  get refused(): number {
    return [...this.refusals.values()].reduce((sum, count) => sum + count, 0);
  }

  /** What readers were refused with, if they were. */
  get refusalText(): string {
    const counts = [...this.refusals].map(([reason, count]) => `${count} × ${reason}`);
    return counts.length > 0 ? `, refused: ${counts.join(', ')}` : '';
  }

  /** Share of reads that were answered. */
  get share(): number {
    return this.answered / Math.max(1, this.answered + this.refused);
  }

  /** Says that the vault holds a token of the user that lives until then. */
  know(user: string, expiresAt: number): void {
    this.goodUntil.set(user, expiresAt);
  }

  served(user: string, took: number, expiresAt: number): void {
    this.answered += 1;
    this.latencies.push(took);
    this.know(user, expiresAt);
    this.endOutage(user);
  }

  failed(user: string, asked: number, reason: string): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
    if ((this.goodUntil.get(user) ?? 0) > Date.now() + NEARLY_OVER) this.refusedThoughValid += 1;
    // A grant that needs its user is lost, which is counted elsewhere, not unavailable.
    if (reason === 'reauthorization_required') this.since.delete(user);
    else if (!this.since.has(user)) this.since.set(user, asked);
  }

  /** The latency in milliseconds that this share of the answers did not exceed. */
  percentile(share: number): number {
    const sorted = [...this.latencies].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }

  /** Counts the outages that have not ended. */
  close(): void {
    for (const user of [...this.since.keys()]) this.endOutage(user);
  }

  private endOutage(user: string): void {
    const since = this.since.get(user);
    if (since === undefined) return;
    this.since.delete(user);
    this.longestOutage = Math.max(this.longestOutage, Date.now() - since);
  }
}
