import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { StitchMoneySandbox } from '../../sandbox/index.js';
import type { Ledger } from './ledger.js';
import { ReadTally } from './read-tally.js';
import type { Replica } from './replica.js';

/** Milliseconds for one read: longer than any wait of the vault's own. */
const PATIENCE = 20_000;

export interface ReaderOptions {
  readonly replicas: readonly Replica[];
  readonly key: string;
  readonly sandbox: StitchMoneySandbox;
  readonly ledger: Ledger;
  /** Connections to each replica. */
  readonly connections: number;
}

interface Answer {
  access_token: string;
  expires_in: number;
  /** In place of all these when it is a refusal. */
  code: string;
}

/** What one read brought: `cut` is a connection that failed. */
export type ReadEnd =
  | { readonly kind: 'token'; readonly accessToken: string }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string }
  | { readonly kind: 'cut' };

/**
 * Internal services that read tokens, and hold each one against the provider in the moment they
 * get it. They go on to another replica when a connection fails, as behind a load balancer.
 */
export class Readers {
  readonly tally = new ReadTally();
  private readonly pools: Pool[];
  private loops: Promise<void>[] = [];
  private stopping = false;

  constructor(private readonly options: ReaderOptions) {
    this.pools = options.replicas.map(
      ({ url }) =>
        new Pool(url, {
          connections: options.connections,
          headersTimeout: PATIENCE,
          bodyTimeout: PATIENCE,
        }),
    );
  }

  /**
   * Reads at random until stopped: so many loops, each pausing so many milliseconds on average.
   *
   * @param stubborn whether a loop that is refused asks for the same token until it gets it
   */
  run(users: readonly string[], loops: number, pause: number, stubborn = false): void {
    this.loops = Array.from({ length: loops }, async () => {
      let user = '';
      let end: ReadEnd = { kind: 'cut' };
      while (!this.stopping) {
        const again = stubborn && end.kind === 'refused' && end.status === 503;
        if (!again) user = users[Math.floor(Math.random() * users.length)] ?? '';
        end = await this.read(user);
        await sleep(pause * 2 * Math.random());
      }
    });
  }

  /** One read, of any replica that answers, beginning with `first` or a random one. */
  async read(user: string, first?: number): Promise<ReadEnd> {
    const { replicas } = this.options;
    const start = (first ?? Math.floor(Math.random() * replicas.length)) % replicas.length;
    const asked = Date.now();
    let end: ReadEnd = { kind: 'cut' };
    for (let tried = 0; tried < replicas.length && end.kind === 'cut'; tried += 1) {
      end = await this.readFrom(user, (start + tried) % replicas.length);
    }
    if (end.kind !== 'token') {
      this.tally.failed(user, asked, end.kind === 'cut' ? 'no_answer' : end.code);
    }
    return end;
  }

  /** One read of one replica. */
  async readFrom(user: string, replica: number): Promise<ReadEnd> {
    const asked = performance.now();
    try {
      const answer = await this.pools[replica]!.request({
        method: 'GET',
        path: `/tokens/${encodeURIComponent(user)}`,
        headers: { authorization: `Bearer ${this.options.key}` },
      });
      const body = (await answer.body.json()) as Answer;
      if (answer.statusCode !== 200) {
        return { kind: 'refused', status: answer.statusCode, code: body.code };
      }
      this.judge(user, body, performance.now() - asked);
      return { kind: 'token', accessToken: body.access_token };
    } catch {
      this.tally.cut += 1;
      return { kind: 'cut' };
    }
  }

  async stop(): Promise<ReadTally> {
    this.stopping = true;
    await Promise.all(this.loops);
    await Promise.all(this.pools.map((pool) => pool.destroy()));
    this.tally.close();
    return this.tally;
  }

  private judge(user: string, answer: Answer, took: number): void {
    const { sandbox, ledger } = this.options;
    if (!sandbox.isLive(answer.access_token)) this.tally.dead += 1;
    const owner = ledger.ownerOfAccess(answer.access_token);
    if (owner !== undefined && owner !== user) this.tally.foreign += 1;
    this.tally.served(user, took, Date.now() + answer.expires_in * 1000);
  }
}
