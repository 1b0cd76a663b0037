import { Program } from './program.js';

/** Share of one core above which the load generator may be what is measured. */
const GENERATOR_LIMIT = 0.9;

/** What is asked of a server, and how. Either for so long, or so many times. */
export interface LoadPlan {
  readonly url: string;
  readonly paths: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** API keys, one after the other. */
  readonly keys?: readonly string[];
  readonly connections: number;
  readonly milliseconds?: number;
  readonly requests?: number;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly count: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Share of a core that the generator itself used. */
  readonly busy: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** Whether the generator was at its own limit: then the server could have done more. */
export const atItsLimit = ({ busy }: Pick<LoadResult, 'busy'>): boolean => busy >= GENERATOR_LIMIT;

/** The load generator: a process of its own, so that neither the bench nor the server pays for it. */
export class LoadGenerator {
  private readonly program = new Program('bench/load-process.mjs');

  /** @param status what every answer has to have @throws Error when one has another */
  async run(plan: LoadPlan, status = 200): Promise<LoadResult> {
    const result = await this.flood(plan);
    const others = Object.keys(result.statuses).filter((each) => each !== String(status));
    if (others.length > 0) throw new Error(`answered ${others.join(', ')}, not ${String(status)}`);
    return result;
  }

  /** As {@link run}, whatever is answered. */
  async flood(plan: LoadPlan): Promise<LoadResult> {
    return (await this.program.run(plan)) as LoadResult;
  }

  close(): void {
    this.program.close();
  }
}
