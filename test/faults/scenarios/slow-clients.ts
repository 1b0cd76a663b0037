import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { Findings, inArena, steadily, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import { SlowClient } from '../slow-client.js';
import type { Manner } from '../slow-client.js';

const TITLE = 'clients that never finish a request, both listeners';
/** Seconds that a listener gives a head and a whole request, and how long it keeps an idle connection. */
const HEAD = 15;
const REQUEST = 30;
const IDLE = { internal: 65, public: 10 };
/** Seconds on top: the vault looks once a second, on a machine that has other work. */
const SLACK = 4;
/** Milliseconds in which everybody else is answered meanwhile. */
const OTHERS_WITHIN = 2000;

type Listener = keyof typeof IDLE;
interface Held extends Manner {
  /** Seconds after which it has to be gone. */
  readonly limit: (listener: Listener) => number;
}

const SLOW_HEADS: readonly Held[] = [
  { name: 'silent from the start', says: '', limit: () => HEAD },
  { name: 'half a head', says: 'GET / HTTP/1.1\r\nHost: x\r\nX-Half: ', limit: () => HEAD },
  {
    name: 'a head at a byte a second',
    says: 'GET / HTTP/1.1\r\n',
    drips: 'X-Slow: slow\r\n',
    limit: () => HEAD,
  },
];
const REST: readonly Held[] = [
  {
    name: 'a body at a byte a second',
    says: 'POST /authorization-requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n',
    drips: ' ',
    limit: () => REQUEST,
  },
  {
    name: 'idle after a request',
    says: 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n',
    limit: (listener) => IDLE[listener],
  },
];

/** Slowloris: connections that cost their owner nothing must not cost the vault its service. */
export const slowClients: Scenario = {
  name: 'slow-clients',
  run: async (site, quick): Promise<Outcome[]> => {
    const each = quick ? 50 : 300;
    const manners = quick ? SLOW_HEADS : [...SLOW_HEADS, ...REST];
    const everyone = users(30);
    const found = new Findings(TITLE, `${manners.length} manners, ${each} on each listener`);
    const arena = await Arena.open(site, {
      name: 'slow-clients',
      replicas: 1,
      environment: { MIN_TTL: '3' },
      switches: { tokenLifetime: 10 },
    });
    return inArena(arena, async () => {
      await arena.start();
      await arena.seed(steadily(everyone));
      const [replica] = arena.replicas;
      const bases: Record<Listener, string> = {
        internal: replica!.url,
        public: replica!.options.environment.PUBLIC_URL!,
      };
      const readers = arena.openReaders(6);
      readers.run(everyone, 4, 40);
      const clients: SlowClient[] = [];
      try {
        const ends = (['internal', 'public'] as const).flatMap((listener) =>
          manners.map(async (manner) => {
            const own = Array.from({ length: each }, () => new SlowClient(bases[listener], manner));
            clients.push(...own);
            const held = Math.max(...(await Promise.all(own.map((client) => client.held)))) / 1000;
            const limit = manner.limit(listener) + SLACK;
            const what = `${manner.name}, ${listener}: ${held.toFixed(1)} s`;
            found.check(held < limit, `held for more than ${limit} s: ${what}`);
            found.note(what);
          }),
        );
        const browsers = new Browsers(`${bases.public}/callback/nothing`);
        await Promise.all(ends);
        const slowest = await browsers.stop();
        const tally = await readers.stop();
        const read = tally.percentile(1);
        await arena.stopReplicas();
        const { rotations } = arena.sandbox.stats;
        found.check(rotations > 0, 'nothing was rotated');
        found.check(
          tally.refused === 0 && tally.cut === 0,
          `${tally.refused} refused${tally.refusalText}`,
        );
        found.check(Math.max(read, slowest) < OTHERS_WITHIN, 'others waited too long');
        found.note(
          `${tally.answered} reads answered, the slowest in ${read.toFixed(0)} ms; ` +
            `browsers within ${slowest.toFixed(0)} ms`,
        );
        return [found.conclude(arena, tally, await countLost(arena, found))];
      } finally {
        for (const client of clients) client.leave();
      }
    });
  },
};

/** Somebody who opens a page of the public listener twice a second. */
class Browsers {
  private going = true;
  private readonly visits: Promise<number>;

  constructor(url: string) {
    this.visits = this.visit(url);
  }

  /** @returns milliseconds of the slowest answer */
  stop(): Promise<number> {
    this.going = false;
    return this.visits;
  }

  private async visit(url: string): Promise<number> {
    let slowest = 0;
    while (this.going) {
      const begun = performance.now();
      await (await fetch(url)).text();
      slowest = Math.max(slowest, performance.now() - begun);
      await sleep(500);
    }
    return slowest;
  }
}
