import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { Findings, inArena, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';

/** Milliseconds of reads that a `kill -9` may cost the audit (guarantee 9), and what a busy machine adds. */
const LAST_SECOND_MS = 1000 + 300;
const LOOPS = 16;

/** Every read of a token is in the audit: held against what the readers counted themselves. */
export const auditedReads: Scenario = {
  name: 'audit',
  run: async (site, quick): Promise<Outcome[]> => {
    const seconds = quick ? 4 : 30;
    const everyone = users(500);
    const found = new Findings('every read is audited', `2 × ${seconds} s, two replicas`);
    const arena = await Arena.open(site, { name: 'audit', replicas: 2 });
    return inArena(arena, async () => {
      const audited = async () => {
        const [row] = await arena.table.query<{ reads: string | null }>(
          `SELECT sum(count) AS reads FROM audit_events
           WHERE type = 'token.read' AND outcome = 'served'`,
        );
        return Number(row?.reads ?? 0);
      };
      /** Reads from both replicas until `end` has ended them. @returns when each got its answers */
      const readUntil = async (end: () => Promise<void>) => {
        const readers = arena.openReaders(LOOPS);
        const answers = arena.replicas.map((): number[] => []);
        let over = false;
        const loops = Array.from({ length: LOOPS }, async (_, loop) => {
          const replica = loop % arena.replicas.length;
          while (!over) {
            const user = everyone[Math.floor(Math.random() * everyone.length)] ?? '';
            const answer = await readers.readFrom(user, replica);
            if (answer.kind === 'token') answers[replica]!.push(performance.now());
            else await sleep(20);
          }
        });
        await sleep(seconds * 1000);
        await end();
        over = true;
        await Promise.all(loops);
        return { answers, tally: await readers.stop() };
      };

      await arena.start();
      await arena.seed({ users: everyone, lifetime: 900, age: () => 60, due: () => 700 });
      const inOrder = await readUntil(() => arena.stopReplicas());
      const answered = inOrder.tally.answered;
      const counted = await audited();
      // A read that was answered while its connection was cut is in the audit and not with its reader.
      const unread = inOrder.tally.cut;
      found.check(
        counted >= answered && counted <= answered + unread,
        `SIGTERM: ${answered} reads answered, ${counted} in the audit`,
      );

      await arena.start();
      let killedAt = 0;
      const killed = await readUntil(async () => {
        killedAt = performance.now();
        await Promise.all(arena.replicas.map((replica) => replica.end('SIGKILL')));
      });
      const late = killed.answers.flat().filter((at) => at > killedAt - LAST_SECOND_MS).length;
      const kept = (await audited()) - counted;
      const missing = killed.tally.answered - kept;
      found.check(missing <= late, `kill -9: ${missing} reads missing, ${late} in the last second`);
      const verified = await site.cli(arena.database, 'audit', 'verify', '--json');
      found.check((JSON.parse(verified) as { ok: boolean }).ok, 'audit verify');
      found.note(
        `SIGTERM: ${answered} reads answered, ${counted} in the audit; kill -9: ` +
          `${killed.tally.answered} answered, ${Math.max(0, missing)} missing, ${late} of the last second`,
      );
      return [found.conclude(arena, killed.tally, await countLost(arena, found))];
    });
  },
};
