/** What was found when the history turned out to be another one. */
export interface HistoryStep {
  /** Milliseconds of this process's own writing that the database lacks. */
  readonly lost: number;
  /** Whether others have been at work in it already, so that something may have gone on from there. */
  readonly late: boolean;
}

/** What of the past can be written anew, in this order. */
export type HistoryPhase = 'consents' | 'rotations' | 'leases' | 'deletions' | 'clients';

/** Writes anew what the database has forgotten. @returns how many things it had forgotten */
export type Restorer = (step: HistoryStep) => Promise<number>;

/** What the parts of the vault remember, to be written anew phase by phase. */
export class HistoryRestorers {
  private readonly byPhase = new Map<HistoryPhase, Restorer[]>();
  private restored: Record<string, number> = {};

  add(phase: HistoryPhase, restorer: Restorer): void {
    this.byPhase.set(phase, [...(this.byPhase.get(phase) ?? []), restorer]);
  }

  /** Begins to count anew. */
  begin(): void {
    this.restored = {};
  }

  async run(phases: readonly HistoryPhase[], step: HistoryStep): Promise<void> {
    for (const phase of phases) {
      let count = 0;
      for (const restorer of this.byPhase.get(phase) ?? []) count += await restorer(step);
      this.restored[phase] = count;
    }
  }

  /** How many things each phase has written since {@link begin}. */
  get counts(): Readonly<Record<string, number>> {
    return this.restored;
  }

  get total(): number {
    return Object.values(this.restored).reduce((sum, count) => sum + count, 0);
  }
}
