import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { Findings, inArena, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';

/** Minutes by which the replicas' clocks are wrong. */
const SKEWS = [7, -7, 0];
const LIFETIME = 20;
/** Seconds before expiry between which a token of that lifetime is to be replaced. */
const LEAD = { most: 8, least: 6 };
/** Seconds that the work may take beyond that. */
const WORK = 3;

/** Replicas that disagree about the time still rotate each grant once, and when it is time. */
export const skewedClocks: Scenario = {
  name: 'clocks',
  run: async (site, quick): Promise<Outcome[]> => {
    const seconds = quick ? 15 : 60;
    const everyone = users(quick ? 40 : 150);
    const found = new Findings(
      'clocks +7, -7 and 0 minutes off',
      `${seconds} s, ${everyone.length} grants of ${LIFETIME} s`,
    );
    const arena = await Arena.open(site, {
      name: 'clocks',
      replicas: 3,
      environment: { PROVIDER_TIMEOUT: '5', MIN_TTL: '2' },
      switches: { tokenLifetime: LIFETIME },
      each: (index) => ({
        node: ['--import', resolve('test/faults/skewed-clock.mjs')],
        environment: { FAULTS_CLOCK_SKEW: String((SKEWS[index] ?? 0) * 60_000) },
      }),
    });
    return inArena(arena, async () => {
      await arena.start();
      const spread = (index: number): number => (12 * index) / everyone.length;
      await arena.seed({
        users: everyone,
        lifetime: LIFETIME,
        age: spread,
        due: (index) => 12.5 - spread(index),
      });
      const readers = arena.openReaders(6);
      readers.run(everyone, 6, 40);
      await sleep(seconds * 1000);
      await arena.settle(3, 10_000);
      const tally = await readers.stop();
      await arena.stopReplicas();

      const lines = arena.replicas.map((replica) => replica.heard('grant.rotated'));
      const left = lines.flat().map((line) => Number(line.replaced_with_seconds_left));
      const { reuseEvents, maxPresentations } = arena.sandbox.stats;
      found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
      found.check(tally.refused === 0, `${tally.refused} reads refused`);
      found.check(Math.max(...left) <= LEAD.most, 'a token was replaced too early');
      found.check(Math.min(...left) >= LEAD.least - WORK, 'a token was replaced too late');
      found.check(
        lines.every(({ length }) => length > 0),
        'a replica did not take part',
      );
      found.note(
        `replaced with ${Math.min(...left)} to ${Math.max(...left)} s left, ` +
          `by the replicas ${lines.map(({ length }) => length).join(', ')} times, ` +
          `${tally.answered} reads answered, ${tally.refused} refused`,
      );
      return [found.conclude(arena, tally, await countLost(arena, found))];
    });
  },
};
