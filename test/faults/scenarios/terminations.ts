import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { Findings, inArena, steadily, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';

/** Seconds. */
const PROVIDER_TIMEOUT = 5;
/** Milliseconds by contract beyond the provider's deadline. */
const MARGIN = 5000;

/** Orderly stops under load, at a provider that forgives nothing. */
export const terminations: Scenario = {
  name: 'terminations',
  run: async (site, quick): Promise<Outcome[]> => {
    const signals = quick ? 3 : 20;
    const everyone = users(quick ? 60 : 300);
    const found = new Findings(
      'SIGTERM under load, grace 0',
      `${signals} signals, ${everyone.length} grants of 10 s`,
    );
    const arena = await Arena.open(site, {
      name: 'terminations',
      replicas: quick ? 2 : 3,
      environment: { PROVIDER_TIMEOUT: String(PROVIDER_TIMEOUT), MIN_TTL: '3' },
      switches: { tokenLifetime: 10 },
    });
    for (const wire of arena.wires) wire.answerDelay = [100, 400];
    return inArena(arena, async () => {
      await arena.start();
      await arena.seed(steadily(everyone));
      const readers = arena.openReaders(8);
      readers.run(everyone, quick ? 4 : 8, 40);
      let slowest = 0;
      let inFlight = 0;
      for (let count = 0; count < signals; count += 1) {
        const index = count % arena.replicas.length;
        const replica = arena.replicas[index]!;
        // One after the other, as a rolling restart does it, and each in the midst of its work.
        await Promise.all(arena.replicas.map((_, each) => arena.ready(each)));
        await eventually('a call is in flight', () => arena.wires[index]!.inFlight > 0);
        inFlight += arena.wires[index]!.inFlight;
        const { code, signal, took } = await replica.end('SIGTERM');
        slowest = Math.max(slowest, took);
        found.check(code === 0, `${replica.name} ended with ${String(code ?? signal)}`);
        void replica.start();
      }
      await Promise.all(arena.replicas.map((_, index) => arena.ready(index)));
      await arena.settle(3, 30_000);
      const tally = await readers.stop();
      await arena.stopReplicas();

      const { reuseEvents, maxPresentations } = arena.sandbox.stats;
      found.check(slowest < PROVIDER_TIMEOUT * 1000 + MARGIN, 'an exit took too long');
      found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
      found.note(
        `${inFlight} calls in flight at the signals, slowest exit ${(slowest / 1000).toFixed(1)} s, ` +
          `${tally.answered} reads answered, ${tally.refused} refused, ` +
          `${tally.cut} connections closed before their request was taken`,
      );
      return [found.conclude(arena, tally, await countLost(arena, found))];
    });
  },
};
