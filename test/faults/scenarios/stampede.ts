import { Arena } from '../arena.js';
import { Findings, inArena, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import { countLost } from '../losses.js';

/** Everybody wants the same stale tokens at once, on every replica. */
export const stampede: Scenario = {
  name: 'stampede',
  run: async (site, quick): Promise<Outcome[]> => {
    const everyone = users(quick ? 50 : 200);
    const each = quick ? 20 : 50;
    const found = new Findings('stampede', `${everyone.length} stale grants, ${each} readers each`);
    const arena = await Arena.open(site, {
      name: 'stampede',
      replicas: quick ? 2 : 3,
      switches: { latencyMs: [50, 150] },
    });
    return inArena(arena, async () => {
      await arena.start();
      await arena.seed({ users: everyone, lifetime: 900, age: () => 1000, due: () => -100 });
      const readers = arena.openReaders(Math.ceil((everyone.length * each) / 3));
      const reads = Array.from({ length: each }, (_, turn) =>
        everyone.map(async (user, index) => {
          const end = await readers.read(user, turn + index);
          const current = arena.ledger.newestOf(user)?.accessToken;
          return end.kind === 'token' && end.accessToken === current;
        }),
      ).flat();
      const right = (await Promise.all(reads)).filter(Boolean).length;
      const tally = await readers.stop();
      await arena.stopReplicas();

      const { refreshCalls, reuseEvents, maxPresentations } = arena.sandbox.stats;
      found.note(
        `${right} of ${reads.length} readers got the current token, ${refreshCalls} provider calls, ` +
          `${reuseEvents} reuse events, slowest answer ${(tally.percentile(1) / 1000).toFixed(1)} s${tally.refusalText}`,
      );
      found.check(right === reads.length, 'readers without the current token');
      found.check(refreshCalls === everyone.length, 'not one provider call for each grant');
      found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
      return [found.conclude(arena, tally, await countLost(arena, found))];
    });
  },
};
