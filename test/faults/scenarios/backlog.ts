import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { eventually } from '../../support/wait.js';
import { watchMemory } from '../resident-memory.js';
import { Findings, inArena, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';

/** MiB that a replica may grow by: 10,000 grants are a few tens of MiB even if all were held. */
const GROWTH = 200;
/** Milliseconds after the outage until whoever reads has a token. */
const RECOVERY = 15_000;
/** Milliseconds that the wait for one's own token may take while the backlog drains. */
const READER_P99 = 3000;

/** Everything is stale after a long outage, and readers come back with it. */
export const backlog: Scenario = {
  name: 'backlog',
  run: async (site, quick): Promise<Outcome[]> => {
    const everyone = users(quick ? 1000 : 10_000);
    const found = new Findings('backlog after an outage', `${everyone.length} stale grants`);
    const arena = await Arena.open(site, {
      name: 'backlog',
      replicas: 2,
      switches: { latencyMs: [40, 80], down: true },
    });
    return inArena(arena, async () => {
      await arena.seed({
        users: everyone,
        lifetime: 900,
        age: () => 4500,
        due: (index) => -3600 - (900 * index) / everyone.length,
      });
      await arena.start();
      const idle = watchMemory(arena.replicas);
      await sleep(quick ? 3000 : 10_000);
      const before = idle();
      const callsDown = arena.calls;
      const watched = watchMemory(arena.replicas);
      arena.sandbox.switches.down = false;
      const back = Date.now();
      const readers = arena.openReaders(8);
      readers.run(everyone, 8, 60, true);
      await drained(arena, everyone.length);
      const took = (Date.now() - back) / 1000;
      const tally = await readers.stop();
      const after = watched();

      const due = await dueTimes(arena);
      const calls = arena.calls;
      await Promise.all(arena.replicas.map((replica) => replica.end('SIGTERM')));
      await arena.start();
      await sleep(quick ? 2000 : 10_000);
      const dueAfter = await dueTimes(arena);
      const callsAtRestart = arena.calls - calls;
      await arena.stopReplicas();

      const { stats } = arena.sandbox;
      const p99 = tally.percentile(0.99);
      found.check(calls - callsDown === everyone.length, 'not one call for each grant');
      found.check(p99 < READER_P99, `99 % of readers waited up to ${p99.toFixed(0)} ms`);
      found.check(tally.longestOutage < RECOVERY, 'a reader waited too long for the provider');
      found.check(after - before < GROWTH, 'memory grew without bound');
      found.check(callsAtRestart === 0, `${callsAtRestart} calls after a restart of all replicas`);
      found.check(due.spread > 40, `due times lie within ${due.spread.toFixed(0)} s`);
      found.check(due.text === dueAfter.text, 'a restart moved due times');
      found.note(
        `drained in ${took.toFixed(1)} s (${(everyone.length / took).toFixed(0)} a second, at most ` +
          `${stats.maxInFlight} calls at a time), ${callsDown} calls while it was down`,
      );
      found.note(
        `readers meanwhile: ${tally.answered} answered, ${tally.refused} told to come again, median ${tally.percentile(0.5).toFixed(0)} ms, ` +
          `99 % within ${p99.toFixed(0)} ms, slowest ${tally.percentile(1).toFixed(0)} ms`,
      );
      found.note(
        `largest replica: ${before.toFixed(0)} MiB before, ${after.toFixed(0)} MiB at the peak; next due times ` +
          `spread over ${due.spread.toFixed(0)} s, at most ${due.largest} in one second; ` +
          `${callsAtRestart} calls in the 10 s after a restart of all replicas`,
      );
      return [found.conclude(arena, tally, await countLost(arena, found))];
    });
  },
};

/** Waits until so many grants have been rotated. */
const drained = (arena: Arena, count: number): Promise<unknown> =>
  eventually(
    'the backlog has drained',
    async () => arena.sandbox.stats.rotations >= count && (await arena.table.behind(1)) === 0,
    300_000,
  );

/** When the grants are due again: over how many seconds, and how many at once. */
async function dueTimes(arena: Arena) {
  const rows = await arena.table.query<{ second: number; count: number }>(
    `SELECT floor(extract(epoch FROM refresh_due_at))::float8 AS second, count(*)::int AS count
     FROM stitch_grants GROUP BY 1 ORDER BY 1`,
  );
  const first = rows[0]?.second ?? 0;
  return {
    spread: (rows.at(-1)?.second ?? 0) - first,
    largest: Math.max(...rows.map(({ count }) => count)),
    text: JSON.stringify(rows),
  };
}
