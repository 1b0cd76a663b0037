import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { Findings, inArena, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';

interface Variant {
  readonly name: string;
  readonly title: string;
  /** How the database goes away. */
  readonly by: 'SIGINT' | 'SIGQUIT' | 'freeze';
  /** Milliseconds that answers stay on the wire; a quick run halves them. */
  readonly answerDelay: readonly [number, number];
  /** Seconds over which grants become due, counted from a moment before the outage. */
  readonly dueWithin: number;
  /** Calls that must be in flight when the database goes. */
  readonly inFlight: number;
  /** What happens to the last replica meanwhile. */
  readonly last?: 'SIGTERM' | 'SIGKILL';
  /** Whether it is back before the database is. */
  readonly backBefore?: boolean;
}

const STOPPED: Variant = {
  name: 'database',
  title: 'database stopped, a replica restarted meanwhile',
  by: 'SIGINT',
  answerDelay: [200, 1000],
  dueWithin: 60,
  inFlight: 3,
  last: 'SIGTERM',
  backBefore: true,
};
const IN_HAND: Variant = {
  name: 'database-in-hand',
  title: 'database crashed, answers arrive meanwhile',
  by: 'SIGQUIT',
  answerDelay: [2500, 3500],
  dueWithin: 2,
  inFlight: 40,
};
const KILLED: Variant = {
  name: 'database-killed',
  title: 'same, an owner of answers killed and restarted after',
  by: 'SIGQUIT',
  answerDelay: [2500, 3500],
  dueWithin: 2,
  inFlight: 40,
  last: 'SIGKILL',
  backBefore: false,
};
const FROZEN: Variant = {
  name: 'database-frozen',
  title: 'database frozen: connected and silent',
  by: 'freeze',
  answerDelay: [200, 1000],
  dueWithin: 60,
  inFlight: 3,
};

async function outage(site: Site, variant: Variant, quick: boolean): Promise<Outcome> {
  const seconds = quick ? 5 : 30;
  const everyone = users(quick ? 60 : 300);
  // Time to warm up, in seconds.
  const dueFrom = quick ? 3 : 6;
  const found = new Findings(variant.title, `${seconds} s, ${everyone.length} grants, grace 0`);
  const arena = await Arena.open(site, {
    name: variant.name,
    replicas: quick ? 2 : 3,
    environment: { PROVIDER_TIMEOUT: '5' },
    switches: { tokenLifetime: 300 },
  });
  const [least, most] = variant.answerDelay;
  for (const wire of arena.wires) wire.answerDelay = quick ? [least / 2, most / 2] : [least, most];
  return inArena(arena, async () => {
    const last = arena.replicas.at(-1)!;
    await arena.start();
    await arena.seed({
      users: everyone,
      lifetime: 300,
      age: () => 60,
      due: (index) => dueFrom + (index / everyone.length) * (quick ? 2 : variant.dueWithin),
    });
    const warm = arena.openReaders(8);
    await Promise.all(
      everyone.flatMap((user) => arena.replicas.map((_, index) => warm.readFrom(user, index))),
    );
    // The last replica may end in this: the others are the ones that must not show it.
    const readers = arena.openReaders(
      8,
      variant.last ? arena.replicas.slice(0, -1) : arena.replicas,
    );
    readers.run(everyone, quick ? 4 : 8, 40);
    await sleep(dueFrom * 1000);
    const wanted = quick ? 5 : variant.inFlight;
    await eventually('calls are in flight', () => arena.inFlight >= wanted);
    const { inFlight } = arena;
    if (variant.by === 'freeze') await site.postgres.freeze();
    else await site.postgres.stop(variant.by);

    // By now every answer on the wire at the start of the outage has arrived.
    const waited = (quick ? most / 2 : most) + 1000;
    await sleep(waited);
    const uncommitted = await uncommittedAnswers(arena);
    if (variant.last) {
      const { code } = await last.end(variant.last);
      if (variant.last === 'SIGTERM') found.check(code === 0, `exit code ${String(code)}`);
    }
    if (variant.last && variant.backBefore) await last.start();
    await sleep(Math.max(0, seconds * 1000 - waited));
    const tally = await readers.stop();
    if (variant.by === 'freeze') site.postgres.thaw();
    else await site.postgres.start();
    if (variant.last && !variant.backBefore) await last.start();

    const back = Date.now();
    await arena.settle(1, 60_000);
    const recovered = (Date.now() - back) / 1000;
    await warm.stop();
    await arena.stopReplicas();
    const { reuseEvents, maxPresentations } = arena.sandbox.stats;
    found.check(tally.share >= 0.999, `only ${(tally.share * 100).toFixed(2)} % answered`);
    found.check(tally.refusedThoughValid === 0, 'refused a token that was still good');
    if (variant.backBefore) {
      // The restarted replica speaks for the process that was there before, within three seconds.
      found.check(recovered < 19, `all fresh after ${recovered.toFixed(1)} s only`);
    }
    found.check(quick || uncommitted > 0, 'no answer waited for its commit during the outage');
    found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
    found.note(
      `${tally.answered} of ${tally.answered + tally.refused} warm reads answered, ` +
        `${inFlight} calls in flight when it went, ${uncommitted} answers not committed during it, ` +
        `all fresh ${recovered.toFixed(1)} s after it`,
    );
    return found.conclude(arena, tally, await countLost(arena, found));
  });
}

/** What the replicas say that they hold, by their metrics. */
async function uncommittedAnswers(arena: Arena): Promise<number> {
  const held = await Promise.all(
    arena.replicas.map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^stitch_vault_answers_in_hand (\d+)$/m.exec(text)?.[1] ?? 0);
    }),
  );
  return held.reduce((sum, count) => sum + count, 0);
}

const scenario = (...variants: readonly Variant[]): Scenario => ({
  name: variants[0]?.name ?? '',
  run: async (site, quick) => {
    const outcomes: Outcome[] = [];
    for (const variant of variants) outcomes.push(await outage(site, variant, quick));
    return outcomes;
  },
});

export const databaseStopped = scenario(STOPPED);
export const databaseInHand = scenario(IN_HAND);
export const databaseKilled = scenario(KILLED);
export const databaseFrozen = scenario(FROZEN);
