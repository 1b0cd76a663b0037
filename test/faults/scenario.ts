import type { Arena } from './arena.js';
import type { Seeding } from './grants-table.js';
import type { ReadTally } from './read-tally.js';
import type { Site } from './site.js';

/** One line of the table. */
export interface Outcome {
  readonly scenario: string;
  /** What was done, and how often. */
  readonly trials: string;
  readonly rotations: number;
  readonly lost: number;
  /** Tokens served that the provider does not accept, or that belong to somebody else. */
  readonly wrong: number;
  /** Seconds. */
  readonly unavailable: number;
  readonly verdict: 'passed' | 'failed' | 'not run';
  /** What else was measured, and what failed. */
  readonly notes: readonly string[];
}

export interface Scenario {
  readonly name: string;
  /**
   * @param variant a part of the names of those to run; all without it
   * @param seconds that each fault lasts, where a scenario takes them
   * @returns a line for each variant
   */
  run(site: Site, quick: boolean, variant?: string, seconds?: number): Promise<Outcome[]>;
}

/** Collects what a scenario finds and turns it into a line of the table. */
export class Findings {
  private readonly notes: string[] = [];
  private failed = false;

  constructor(
    private readonly scenario: string,
    private readonly trials: string,
  ) {}

  note(text: string): void {
    this.notes.push(text);
  }

  check(holds: boolean, otherwise: string): void {
    if (holds) return;
    this.failed = true;
    this.notes.push(`FAILED: ${otherwise}`);
  }

  /** The line; what holds for every scenario is checked here. */
  conclude(arena: Arena, tally: ReadTally, lost: number): Outcome {
    this.check(tally.wrong === 0, `${tally.dead} dead and ${tally.foreign} foreign tokens served`);
    for (const fault of new Set(arena.faultsReported)) this.check(false, fault);
    return {
      scenario: this.scenario,
      trials: this.trials,
      rotations: arena.sandbox.stats.rotations,
      lost,
      wrong: tally.wrong,
      unavailable: tally.longestOutage / 1000,
      verdict: this.failed ? 'failed' : 'passed',
      notes: this.notes,
    };
  }
}

export function notRun(scenario: string, why: string): Outcome {
  const nothing = { trials: '', rotations: 0, lost: 0, wrong: 0, unavailable: 0 };
  return { scenario, ...nothing, verdict: 'not run', notes: [why] };
}

/** An arena for the time of `work`. */
export async function inArena<T>(arena: Arena, work: (arena: Arena) => Promise<T>): Promise<T> {
  try {
    return await work(arena);
  } finally {
    await arena.close();
  }
}

/** `user-0` and so on. */
export const users = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `user-${index}`);

/** Tokens that live ten seconds and are of all ages up to six: rotations come steadily, none for a pause. */
export const steadily = (everyone: readonly string[]): Seeding => {
  const age = (index: number): number => (6 * index) / everyone.length;
  return { users: everyone, lifetime: 10, age, due: (index) => 6 - age(index) };
};
