import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from '../arena.js';
import { eventually } from '../../support/wait.js';
import { Findings, inArena, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';
import { FAULTS } from './provider-faults.js';
import type { Fault } from './provider-faults.js';

/** Seconds that a token lives, at a provider that answers a used refresh token to nobody. */
const LIFETIME = 20;
/** Seconds within which everything is fresh again once the provider is well. */
const RECOVERY = 60;
const KILL_EVERY_MS = 3000;

const ABREAST = 2;

async function systematic(
  site: Site,
  fault: Fault,
  replicas: number,
  seconds: number,
): Promise<Outcome> {
  const everyone = users(fault.users ?? 60);
  const { lifetime = LIFETIME } = fault;
  // Those that are due last: the first ones are rotated before the fault begins.
  const sick = new Set(fault.sick === undefined ? everyone : everyone.slice(-fault.sick));
  const well = everyone.filter((user) => !sick.has(user));
  const found = new Findings(
    `systematic: ${fault.name}, ${replicas} replica${replicas > 1 ? 's' : ''}`,
    `${seconds} s, ${everyone.length} grants of ${lifetime} s, grace 0`,
  );
  const arena = await Arena.open(site, {
    name: `systematic-${fault.name.replaceAll(/\W+/g, '-')}-${replicas}`,
    replicas,
    switches: { tokenLifetime: lifetime, graceSeconds: 0 },
  });
  return inArena(arena, async () => {
    await arena.start();
    await arena.seed({
      users: everyone,
      lifetime,
      age: () => 0,
      due: (index) => 2 + (12 * index) / everyone.length,
    });
    const readers = arena.openReaders(8);
    if (well.length > 0) readers.run(well, 8, 50);
    // The fault meets a vault that has a record of the provider.
    await eventually(
      'every other grant has been rotated',
      () => arena.sandbox.stats.rotations >= everyone.length / 2,
      lifetime * 2000,
    );
    const met = new Set<string>();
    for (const wire of arena.wires) {
      wire.fault = (user, forward) => {
        if (!sick.has(user)) return forward();
        met.add(user);
        return fault.answer(user, forward);
      };
    }
    const ends = Date.now() + seconds * 1000;
    for (let count = 0; fault.kills && Date.now() < ends; count += 1) {
      await sleep(KILL_EVERY_MS);
      const replica = arena.replicas[count % replicas]!;
      await replica.end('SIGKILL');
      await replica.start();
    }
    await sleep(Math.max(0, ends - Date.now()));
    const calls = arena.calls;
    for (const wire of arena.wires) wire.fault = undefined;
    const back = Date.now();
    // A grant whose token is spent and whose answer was lost can't come back.
    const behind = async () => {
      const rows = await arena.table.query<{ user: string }>(
        `SELECT user_id AS user FROM stitch_grants
         WHERE status = 'active' AND held_at IS NULL AND (expires_at < now()
           OR (failure_count > 0 AND refresh_due_at IS NOT NULL))`,
      );
      if (rows.length === 0) return 0;
      const usable = new Set(
        (await arena.audit()).filter((each) => each.usable).map(({ user }) => user),
      );
      return rows.filter(({ user }) => usable.has(user)).length;
    };
    // An answer that is still awaited when a replica ends would be a doubt.
    const settled = async () => arena.inFlight === 0 && (await behind()) <= (fault.waiting ?? 0);
    await eventually('all are fresh', settled, 90_000).catch(() => undefined);
    const left = await behind();
    const recovered = (Date.now() - back) / 1000;
    const tally = await readers.stop();
    await arena.stopReplicas();
    const audited = await arena.audit();
    const [kept] = await arena.table.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM stitch_grants WHERE held_at IS NOT NULL',
    );
    const held = kept?.count ?? 0;
    const dead = audited.filter(({ status }) => status !== 'active').length;
    const lost = audited.filter(({ usable }) => !usable).length - held;
    found.check(
      recovered <= RECOVERY,
      `all fresh only after ${recovered.toFixed(1)} s, ${left} not`,
    );
    found.check(met.size > 0, 'the fault met nobody');
    const most = (fault.given ?? 0) + (fault.spent ?? 0);
    found.check(lost + held <= most, `${lost} lost, ${held} held`);
    found.check(dead <= most, `${dead} marked dead`);
    if (well.length > 0) {
      found.check(tally.share >= 0.999, `others served: ${(tally.share * 100).toFixed(2)} %`);
    }
    found.note(
      `${calls} calls by the end of the fault, which ${met.size} users met, ${dead} marked dead, ${held} held, ` +
        `all others fresh ${recovered.toFixed(1)} s after it` +
        (well.length > 0
          ? `; ${tally.answered} of ${tally.answered + tally.refused} reads of the others answered`
          : '') +
        tally.refusalText,
    );
    return found.conclude(arena, tally, lost);
  });
}

/** Something is wrong with every answer for a while, or with those to a few users. */
export const systematicFaults: Scenario = {
  name: 'systematic',
  run: async (site, quick, variant = '', asked) => {
    const chosen = FAULTS.filter(
      ({ name }) => name.includes(variant) && (!quick || variant !== '' || QUICK.has(name)),
    );
    const trials = chosen.flatMap((fault) =>
      (quick ? [2] : [1, 2]).map((n) => [fault, n] as const),
    );
    const outcomes: Outcome[] = [];
    for (let from = 0; from < trials.length; from += ABREAST) {
      const abreast = trials.slice(from, from + ABREAST);
      const ran = abreast.map(([fault, replicas]) => {
        const [long, short] = fault.seconds ?? [40, 20];
        return systematic(site, fault, replicas, asked ?? (quick ? short : long));
      });
      outcomes.push(...(await Promise.all(ran)));
    }
    return outcomes;
  },
};

/** Those of the short version. */
const QUICK = new Set(['answers after 12 s', 'invalid_grant to everybody', '500 to a few']);
