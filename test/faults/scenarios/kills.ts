import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from '../arena.js';
import { Killings } from '../killings.js';
import type { Cause } from '../killings.js';
import { countLost } from '../losses.js';
import { Findings, inArena, steadily, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';

/** Milliseconds between kills. */
const EVERY = 2000;

/** Replicas are killed at random while tokens of ten seconds are rotated under readers. */
async function killing(arena: Arena, duration: number): Promise<Killings> {
  const killings = new Killings(arena.wires);
  const end = Date.now() + duration;
  while (Date.now() < end) {
    await sleep(EVERY);
    const index = Math.floor(Math.random() * arena.replicas.length);
    const replica = arena.replicas[index]!;
    // What has come to it before it answers this is read, however little time the machine gives it.
    const from = performance.now();
    await fetch(`${replica.url}/health/live`).catch(() => undefined);
    await replica.end('SIGKILL');
    killings.all.push({ replica: index, from, to: performance.now() });
    void replica.start();
  }
  return killings;
}

const scenario = (name: string, grace: number): Scenario => ({
  name,
  run: async (site, quick): Promise<Outcome[]> => {
    const seconds = quick ? 6 : 60;
    const everyone = users(quick ? 60 : 300);
    const found = new Findings(
      `kill -9 every 2 s, grace ${grace} s`,
      `${seconds} s, ${everyone.length} grants of 10 s`,
    );
    const arena = await Arena.open(site, {
      name,
      replicas: quick ? 2 : 3,
      environment: { PROVIDER_TIMEOUT: quick ? '2' : '5', MIN_TTL: '3' },
      switches: { graceSeconds: grace, tokenLifetime: 10 },
    });
    for (const wire of arena.wires) wire.answerDelay = [5, 60];
    return inArena(arena, async () => {
      await arena.start();
      await arena.seed(steadily(everyone));
      const readers = arena.openReaders(8);
      readers.run(everyone, quick ? 4 : 8, 40);
      const killings = await killing(arena, seconds * 1000);
      await Promise.all(arena.replicas.map((_, index) => arena.ready(index)));
      await arena.recover(60_000);
      await arena.settle(3, 60_000);
      const tally = await readers.stop();
      await arena.stopReplicas();

      const { stats } = arena.sandbox;
      found.check(stats.rotations > everyone.length / 2, 'too few rotations to mean anything');
      if (grace > 0) found.check(stats.reuseEvents === 0, `${stats.reuseEvents} reuse events`);
      const causes = new Map<Cause, number>();
      const lost = await countLost(arena, found, ({ user, refreshToken }) => {
        const cause = killings.causeOf(refreshToken);
        causes.set(cause, (causes.get(cause) ?? 0) + 1);
        if (cause === 'unknown') found.note(`${user}: ${killings.timeline(refreshToken)}`);
        return grace === 0 && cause !== 'unknown';
      });
      const lines = arena.replicas.flatMap((replica) =>
        replica.heard('grant.reauthorization_required'),
      );
      found.check(lines.length >= lost, 'a loss without its log line');
      found.note(
        `${killings.all.length} kills, ${killings.cutOff} answers on the wire at one, ` +
          `${stats.graceAnswers} answered by the provider's grace, ${tally.answered} reads answered, ` +
          `${tally.refused} refused, spools gave back ${spooled(arena)} answers`,
      );
      for (const [cause, count] of causes) found.note(`${count} lost: ${cause}`);
      return [found.conclude(arena, tally, lost)];
    });
  },
});

const spooled = (arena: Arena): number =>
  arena.replicas.reduce((sum, replica) => sum + replica.heard('spool.recovered').length, 0);

export const killsWithGrace = scenario('kills', 30);
export const killsWithoutGrace = scenario('kills-no-grace', 0);
