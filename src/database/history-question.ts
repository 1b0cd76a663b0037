import { performance } from 'node:perf_hooks';
import type { HistoryStep } from './history-restorers.js';
import type { HistoryState } from './history.store.js';
import { PATIENCE_FOR_HEIRS_MS, missing } from './history-verdict.js';
import type { Waiting } from './history-verdict.js';
import type { KnownReplicas } from './known-replicas.js';
import type { OwnWriting } from './own-writing.js';

/** How far a process is with a history: it is open when nothing is missing any more. */
export const ASKED = 0;
export const GIVEN_BACK = 1;
export const REPEATED = 2;
export const OPEN = 3;

/** How far the others have to be, and whose journals this process has read. */
type Awaited = Pick<Waiting, 'stage' | 'inherited'>;

/** A change of the history that is being dealt with: what was lost, and who else may remember some of it. */
export class HistoryQuestion {
  private readonly askedAtMs = performance.now();

  private constructor(
    readonly incarnation: string,
    readonly step: HistoryStep,
    /** When somebody wrote to the last history for the last time, by the database's clock. */
    private readonly lastWritten: number,
    private readonly replicas: KnownReplicas,
  ) {}

  /** @param lost milliseconds of this process's own writing that the database lacks */
  static about(
    found: HistoryState,
    lost: number,
    own: OwnWriting,
    replicas: KnownReplicas,
  ): HistoryQuestion {
    const { incarnation } = found;
    if (own.isGoneFromTheSame(found)) replicas.sameServerWentBack();
    const others = replicas.believed(found.others, found.now);
    const late = others.some((each) => each.incarnation === incarnation && each.stage === OPEN);
    const before = others.filter((each) => each.incarnation !== incarnation);
    const lastWritten = Math.max(
      // By what is written there: the clock of what was lost may have been another one.
      found.own?.beatAt ?? -Infinity,
      ...before.map(({ beatAt }) => beatAt),
    );
    replicas.names(incarnation, others);
    return new HistoryQuestion(incarnation, { lost, late }, lastWritten, replicas);
  }

  /** Whether somebody may remember something of the last history, and is still waited for. */
  isAwaiting(found: HistoryState, awaited: Awaited): boolean {
    const others = this.replicas.all(found.others, found.now);
    return missing(others, this.waiting(found, awaited, this.waitedMs)).length > 0;
  }

  /** Processes that nobody has to wait for, because this one has read their journals. */
  takenOver(found: HistoryState, awaited: Awaited): string[] {
    if (this.waitedMs < PATIENCE_FOR_HEIRS_MS) return [];
    const named = this.replicas.believed(found.others, found.now);
    return missing(named, this.waiting(found, awaited, 0))
      .map(({ process }) => process)
      .filter((process) => awaited.inherited.has(process));
  }

  /** How many processes may remember more, have not come, and left no journal to this one. */
  absent(found: HistoryState, awaited: Awaited): number {
    const others = this.replicas.all(found.others, found.now);
    return missing(others, this.waiting(found, awaited, 0)).filter(
      ({ process }) => !awaited.inherited.has(process),
    ).length;
  }

  private get waitedMs(): number {
    return performance.now() - this.askedAtMs;
  }

  private waiting({ now }: HistoryState, awaited: Awaited, waited: number): Waiting {
    const { incarnation, lastWritten } = this;
    return { incarnation, lastWritten, now, waited, ...awaited };
  }
}
