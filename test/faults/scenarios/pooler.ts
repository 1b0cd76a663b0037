import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { PgBouncer, pgBouncerInstalled } from '../pgbouncer.js';
import { Findings, inArena, notRun, steadily, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';

const TITLE = 'behind PgBouncer, transaction mode';
/** Seconds in which a deletion must be seen on the other replica. */
const HEARSAY = 2;

/** All that needs the database, through a pooler that keeps no session. */
export const pooler: Scenario = {
  name: 'pooler',
  run: async (site, quick): Promise<Outcome[]> => {
    if (!pgBouncerInstalled()) return [notRun(TITLE, 'there is no program named pgbouncer')];
    const seconds = quick ? 4 : 30;
    const everyone = users(quick ? 30 : 150);
    const found = new Findings(TITLE, `${seconds} s, ${everyone.length} grants of 10 s`);
    const bouncer = await PgBouncer.start(site.directory, site.postgres.port);
    try {
      const arena = await Arena.open(site, {
        name: 'pooler',
        replicas: 2,
        environment: { PROVIDER_TIMEOUT: '5', MIN_TTL: '3' },
        switches: { tokenLifetime: 10 },
        databaseUrl: (database) => bouncer.url(database),
      });
      return await inArena(arena, async () => {
        await arena.start();
        await arena.seed(steadily(everyone));
        const readers = arena.openReaders(6);
        readers.run(everyone, 4, 40);
        await sleep(seconds * 1000);
        const heard = await linkReadDelete(arena, found);
        await arena.settle(3, 10_000);
        const tally = await readers.stop();
        await arena.stopReplicas();

        const { reuseEvents, maxPresentations, rotations } = arena.sandbox.stats;
        found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
        found.check(rotations > 0 && tally.refused === 0, `${tally.refused} reads refused`);
        found.check(heard <= HEARSAY, `a deletion was seen after ${heard.toFixed(1)} s`);
        found.note(
          `linked, read and deleted; the deletion was seen on the other replica within ` +
            `${heard.toFixed(1)} s; ${tally.answered} reads answered, ${tally.refused} refused`,
        );
        return [found.conclude(arena, tally, await countLost(arena, found))];
      });
    } finally {
      await bouncer.stop();
    }
  },
};

/** @returns seconds until the other replica knew of the deletion */
async function linkReadDelete(arena: Arena, found: Findings): Promise<number> {
  const [one, other] = arena.replicas.map(({ url }) => url);
  const headers = { authorization: `Bearer ${arena.site.key}`, 'content-type': 'application/json' };
  const token = (url: string | undefined): Promise<Response> =>
    fetch(`${url ?? ''}/tokens/guest`, { headers });
  const begun = await fetch(`${one ?? ''}/authorization-requests`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ user_id: 'guest' }),
  });
  const { authorization_url: authorize } = (await begun.json()) as { authorization_url: string };
  const linked = await fetch(await arena.sandbox.consent(authorize));
  found.check(linked.status === 200, `the callback answered ${linked.status}`);
  found.check((await token(one)).status === 200, 'a linked token could not be read');
  found.check((await token(other)).status === 200, 'a linked token could not be read elsewhere');
  const gone = await fetch(`${one ?? ''}/tokens/guest`, {
    method: 'DELETE',
    headers: { authorization: headers.authorization },
  });
  const asked = Date.now();
  found.check(gone.status === 204, `the deletion answered ${gone.status}`);
  await eventually('the other replica knows', async () => (await token(other)).status === 404);
  return (Date.now() - asked) / 1000;
}
