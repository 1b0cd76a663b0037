import { cpus } from 'node:os';
import { Arena } from '../test/faults/arena.js';
import type { Replica } from '../test/faults/replica.js';
import type { Site } from '../test/faults/site.js';
import { processorTime } from './processor.js';
import { Program } from './program.js';
import { users } from './users.js';

/** Milliseconds after which a backlog that is not drained is a failure. */
const LONGEST_MS = 180_000;
const POLL_MS = 20;

export interface RotationPlan {
  /** Grants that are due at once, in each round. */
  readonly backlog: number;
  /** Milliseconds that the provider takes for an answer. */
  readonly latencyMs: number;
  /** `REFRESH_CONCURRENCY`, and the calls of the bare loop under way at once. */
  readonly concurrency: number;
  /** One unless given. */
  readonly replicas?: number;
}

/** What was measured of a drained backlog: rotations a second, and microseconds of processor for each. */
export interface Drained {
  readonly perSecond: number;
  readonly vault: number;
  readonly postgres: number;
  readonly provider: number;
  /** Calls that the provider had under way at most. */
  readonly highest: number;
}

/** What was measured of the bare loop; microseconds of its processor for each call. */
export interface BareCalls {
  readonly perSecond: number;
  readonly cpu: number;
}

interface Answered {
  readonly count: number;
  /** From the first answer to the last. */
  readonly seconds: number;
  readonly highest: number;
  /** Refresh tokens that were presented a second time. */
  readonly repeated: number;
}

/** Replicas of the vault, their provider, and the bare loop that they are compared with. */
export class RotationBench {
  private rounds = 0;

  private constructor(
    private readonly site: Site,
    private readonly arena: Arena,
    private readonly provider: Program,
    private readonly loop: Program,
    private readonly address: { readonly url: string; readonly pid: number },
    private readonly plan: RotationPlan,
  ) {}

  /** @param node arguments of the vault's node */
  static async open(
    site: Site,
    plan: RotationPlan,
    node: readonly string[] = [],
  ): Promise<RotationBench> {
    const provider = new Program('bench/provider-process.mjs');
    const loop = new Program('bench/refresh-process.mjs');
    const { latencyMs, concurrency, replicas = 1 } = plan;
    const address = (await provider.run({ latencyMs })) as RotationBench['address'];
    const environment = { REFRESH_CONCURRENCY: String(concurrency), REFRESH_INTERVAL: '1' };
    const own = { environment: { STITCH_MONEY_TOKEN_ENDPOINT: address.url }, node };
    const name = 'bench-rotations';
    const arena = await Arena.open(site, { name, replicas, environment, each: () => own });
    await arena.start();
    return new RotationBench(site, arena, provider, loop, address, plan);
  }

  get replicas(): readonly Replica[] {
    return this.arena.replicas;
  }

  /** Puts grants there whose tokens are good, for readers. */
  seedFresh(readers: readonly string[]): Promise<void> {
    const good = { lifetime: 3600, age: () => 0, due: () => 3000 };
    return this.arena.seed({ users: readers, ...good, quietly: true });
  }

  /** Drains a backlog; `meanwhile` begins once rotations are under way and must end before they do. */
  async drain(meanwhile?: () => Promise<unknown>): Promise<Drained> {
    const { backlog } = this.plan;
    const first = meanwhile ? Math.ceil(backlog / 10) : 0;
    const begun = first > 0 ? this.answers(first) : undefined;
    const whole = begun ?? this.answers(backlog);
    await this.seedStale();
    const before = this.processors();
    let end = await whole;
    if (meanwhile) {
      const others = this.answers(backlog, true);
      let over = false;
      void others.then(() => (over = true));
      await meanwhile();
      if (over as boolean) throw new Error('the backlog was drained before the reads had ended');
      end = await others;
    }
    if (end.repeated > 0) throw new Error(`${end.repeated} refresh tokens were presented again`);
    while ((await this.arena.table.behind(0)) > 0) await pause(POLL_MS);
    const after = this.processors();
    const each = (name: keyof typeof before) => (after[name] - before[name]) / backlog;
    return {
      perSecond: end.count / end.seconds,
      vault: each('vault'),
      postgres: each('postgres'),
      provider: each('provider'),
      highest: end.highest,
    };
  }

  /** As many of the same calls in a bare loop. */
  async bare(): Promise<BareCalls> {
    const { concurrency, backlog } = this.plan;
    const { clientId, clientSecret } = this.arena.sandbox;
    this.rounds += 1;
    return (await this.loop.run({
      url: this.address.url,
      client: { client_id: clientId, client_secret: clientSecret },
      tokens: users(`bare-${this.rounds}`, backlog),
      concurrency,
    })) as BareCalls;
  }

  async close(): Promise<void> {
    this.loop.close();
    this.provider.close();
    // In order: a profile is written at the end.
    await this.arena.stopReplicas();
    await this.arena.close();
  }

  private seedStale(): Promise<void> {
    this.rounds += 1;
    const stale = users(`stale-${this.rounds}`, this.plan.backlog);
    const due = { lifetime: 900, age: () => 1000, due: () => -10 };
    return this.arena.seed({ users: stale, ...due, quietly: true });
  }

  private async answers(answers: number, goOn = false): Promise<Answered> {
    const late = new Promise<never>((_resolve, reject) => {
      setTimeout(() => {
        reject(new Error('the backlog was not drained'));
      }, LONGEST_MS).unref();
    });
    return (await Promise.race([this.provider.run({ answers, goOn }), late])) as Answered;
  }

  private processors() {
    const vaults = this.replicas.map(({ pid }) => processorTime(pid ?? 0));
    return {
      vault: vaults.reduce((sum, each) => sum + each, 0),
      postgres: processorTime(this.site.postgres.pid ?? 0, true),
      provider: processorTime(this.address.pid),
    };
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** How many cores all of it shares, for a figure's note. */
export const CORES = `${cpus().length} cores`;
