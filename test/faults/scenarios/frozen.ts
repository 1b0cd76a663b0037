import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from '../arena.js';
import { CountedWay } from '../counted-way.js';
import { countLost } from '../losses.js';
import { PgBouncer, pgBouncerInstalled } from '../pgbouncer.js';
import { Findings, inArena, notRun, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';

/** `DATABASE_POOL_SIZE`: small, so that one connection too many is seen. */
const POOL = 4;
/** Beside the pool: the connection that listens, and the one that looks whether the database is back. */
const BESIDE = 2;
/** Milliseconds in which a read is refused that needs the database: its deadline, and room for a busy machine. */
const REFUSED_WITHIN = 8000;

/** What stands still: everything stays connected to it, and it says nothing. */
interface Freezer {
  /** Where the ways of the replicas lead. */
  readonly port: number;
  freeze(): Promise<void> | void;
  thaw(): void;
  stop(): Promise<void>;
}

interface Variant {
  readonly title: string;
  /** Why it can't be run here. */
  readonly missing: () => string | undefined;
  readonly open: (site: Site) => Promise<Freezer>;
}

const VARIANTS: readonly Variant[] = [
  {
    title: 'PostgreSQL frozen, connections counted',
    missing: () => undefined,
    open: ({ postgres }) =>
      Promise.resolve({
        port: postgres.port,
        freeze: () => postgres.freeze(),
        thaw: () => {
          postgres.thaw();
        },
        stop: () => Promise.resolve(),
      }),
  },
  {
    title: 'PgBouncer frozen, connections counted',
    missing: () => (pgBouncerInstalled() ? undefined : 'there is no program named pgbouncer'),
    open: ({ directory, postgres }) => PgBouncer.start(directory, postgres.port),
  },
];

/** What lies between the vault and its tables is connected and silent. */
export const frozen: Scenario = {
  name: 'frozen',
  run: async (site, quick, variant = '') => {
    const outcomes: Outcome[] = [];
    for (const each of VARIANTS.filter(({ title }) => title.includes(variant))) {
      const why = each.missing();
      outcomes.push(why === undefined ? await freeze(site, each, quick) : notRun(each.title, why));
    }
    return outcomes;
  },
};

async function freeze(site: Site, { title, open }: Variant, quick: boolean): Promise<Outcome> {
  const seconds = quick ? 6 : 30;
  const warm = users(quick ? 30 : 150);
  const cold = warm.map((user) => `cold-${user}`);
  const found = new Findings(title, `${seconds} s, ${warm.length} grants read, as many not`);
  const freezer = await open(site);
  const ways = [await CountedWay.start(freezer.port), await CountedWay.start(freezer.port)];
  try {
    const arena = await Arena.open(site, {
      name: 'frozen',
      replicas: ways.length,
      environment: { PROVIDER_TIMEOUT: '5', DATABASE_POOL_SIZE: String(POOL) },
      switches: { tokenLifetime: 300 },
      each: (index, database) => ({ environment: { DATABASE_URL: ways[index]!.url(database) } }),
    });
    return await inArena(arena, async () => {
      await arena.start();
      // Some are due while it is frozen: their answers have to wait for it.
      await arena.seed({
        users: [...warm, ...cold],
        lifetime: 300,
        age: () => 60,
        due: (index) => (index < warm.length ? 3 + (index / warm.length) * seconds : 200),
      });
      const filling = arena.openReaders(8);
      await Promise.all(
        warm.flatMap((user) => ways.map((_, index) => filling.readFrom(user, index))),
      );
      const readers = arena.openReaders(8);
      readers.run(warm, quick ? 4 : 8, 40);
      await freezer.freeze();
      const refusals = await readCold(arena, cold, seconds);
      const tally = await readers.stop();
      freezer.thaw();
      const back = Date.now();
      await arena.settle(1, 60_000);
      const recovered = (Date.now() - back) / 1000;
      await filling.stop();
      await arena.stopReplicas();

      const most = Math.max(...ways.map((way) => way.most));
      const { reuseEvents, maxPresentations } = arena.sandbox.stats;
      found.check(tally.share >= 0.999, `only ${(tally.share * 100).toFixed(2)} % answered`);
      found.check(tally.refusedThoughValid === 0, 'refused a token that was still good');
      found.check(refusals.answers.length > 0, 'nobody asked for what had to be looked up');
      const others = refusals.answers.filter((answer) => answer !== '503 storage_unavailable');
      found.check(others.length === 0, `answered ${[...new Set(others)].join(', ')}`);
      found.check(
        refusals.longest < REFUSED_WITHIN,
        `refused after ${refusals.longest.toFixed(0)} ms`,
      );
      found.check(most <= POOL + BESIDE, `${most} connections of a pool of ${POOL}`);
      found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
      found.note(
        `${tally.answered} of ${tally.answered + tally.refused} warm reads answered; ` +
          `${refusals.answers.length} others refused within ${(refusals.longest / 1000).toFixed(1)} s; ` +
          `${most} connections of a replica at most, pool ${POOL}; all fresh ${recovered.toFixed(1)} s after it`,
      );
      return found.conclude(arena, tally, await countLost(arena, found));
    });
  } finally {
    freezer.thaw();
    await Promise.all(ways.map((way) => way.stop()));
    await freezer.stop();
  }
}

/** Has one grant after the other read that no replica knows yet, ten a second for each replica. */
async function readCold(
  arena: Arena,
  cold: readonly string[],
  seconds: number,
): Promise<{ answers: string[]; longest: number }> {
  const asked: Promise<{ answer: string; took: number }>[] = [];
  for (let turn = 0; turn < seconds * 10; turn += 1) {
    for (const { url } of arena.replicas) {
      asked.push(timed(`${url}/tokens/${cold[turn % cold.length]!}`, arena.site.key));
    }
    await sleep(100);
  }
  const all = await Promise.all(asked);
  return {
    answers: all.map(({ answer }) => answer),
    longest: Math.max(...all.map(({ took }) => took)),
  };
}

async function timed(url: string, key: string): Promise<{ answer: string; took: number }> {
  const begun = performance.now();
  const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  const { code = 'a token' } = (await response.json()) as { code?: string };
  return { answer: `${response.status} ${code}`, took: performance.now() - begun };
}
