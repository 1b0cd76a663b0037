import { setTimeout as sleep } from 'node:timers/promises';
import type { StitchMoneySwitches } from '../../../sandbox/index.js';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { Findings, inArena, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';

interface Kind {
  readonly name: string;
  readonly switches: Partial<StitchMoneySwitches>;
  /** Seconds for which the provider answers a used refresh token. */
  readonly grace?: number;
  /** `Retry-After` as a date, so many seconds ahead. */
  readonly retryAfterDate?: number;
  /** Nothing listens where the provider was. */
  readonly refused?: boolean;
  /** Seconds within which all are fresh again, where it is not {@link RECOVERY}. */
  readonly recovery?: number;
}

const KINDS: readonly Kind[] = [
  { name: 'hang', switches: { tokenFault: 'hang' } },
  { name: '500', switches: { tokenFault: '500' } },
  { name: '503 with Retry-After', switches: { tokenFault: '503', retryAfter: 5 } },
  { name: '429 with Retry-After', switches: { tokenFault: '429', retryAfter: 5 } },
  {
    name: '429 with Retry-After as a date',
    switches: { tokenFault: '429' },
    retryAfterDate: 5,
  },
  { name: 'calls cut', switches: { tokenFault: 'drop_before' } },
  { name: 'every connection cut', switches: { down: true } },
  { name: 'connections refused', switches: {}, refused: true },
  // It spends tokens, and is asked with one in fifty seconds.
  { name: 'malformed JSON', switches: { tokenFault: 'malformed' }, recovery: 60 },
  { name: 'invalid_client', switches: { tokenFault: 'invalid_client' } },
  {
    name: 'every answer lost, grace 90 s',
    switches: { tokenFault: 'drop_after' },
    grace: 90,
  },
  {
    name: 'half of the answers lost, grace 30 s',
    switches: { tokenFault: 'drop_after', faultRate: 0.5 },
    grace: 30,
  },
];

/** How many kinds are tried at a time: they mostly wait, and twelve minutes are long. */
const ABREAST = 3;
const LIFETIME = 150;
/** Grants whose answers nobody understands, before the provider is asked with caution. */
const HELD_AT_MOST = 5;
/** Seconds. */
const RECOVERY = 15;

async function outage(site: Site, kind: Kind, quick: boolean): Promise<Outcome> {
  const seconds = quick ? 8 : 60;
  const everyone = users(quick ? 40 : 120);
  const found = new Findings(
    `provider down: ${kind.name}`,
    `${seconds} s, ${everyone.length} grants`,
  );
  const arena = await Arena.open(site, {
    name: `provider-${kind.name.replaceAll(/\W+/g, '-')}`,
    replicas: 2,
    environment: {
      PROVIDER_TIMEOUT: '5',
      // An answer that never comes is listened for that long, also when the provider is well by then.
      ANSWER_TIMEOUT: '10',
      STITCH_MONEY_CLIENT_SECRET: 'old,sandbox-client-secret',
    },
    switches: { tokenLifetime: LIFETIME, graceSeconds: kind.grace ?? 0 },
  });
  return inArena(arena, async () => {
    await arena.start();
    // Due from now on until the end of it; the earliest fifth expires while it lasts.
    await arena.seed({
      users: everyone,
      lifetime: LIFETIME,
      age: (index) => LIFETIME - (index % 5 === 0 ? seconds / 2 : seconds + 60),
      due: (index) => 2 + (seconds * index) / everyone.length,
    });
    const readers = arena.openReaders(4);
    for (const user of everyone) {
      readers.tally.know(user, arena.ledger.newestOf(user)?.expiresAt ?? 0);
    }
    const { sandbox } = arena;
    Object.assign(sandbox.switches, kind.switches);
    if (kind.refused) await Promise.all(arena.wires.map((wire) => wire.shut()));
    const dated = setInterval(() => {
      if (kind.retryAfterDate === undefined) return;
      const date = new Date(Date.now() + kind.retryAfterDate * 1000);
      sandbox.switches.retryAfter = date.toUTCString();
    }, 100);
    readers.run(everyone, 4, 50);
    await sleep(seconds * 1000);
    clearInterval(dated);
    // Where nothing listens, a call is known by its failure alone.
    const failures = arena.replicas.flatMap((each) => each.heard('grant.rotation_failed')).length;
    const calls = kind.refused ? failures : arena.calls;
    const rotated = sandbox.stats.rotations;
    Object.assign(sandbox.switches, { tokenFault: 'none', down: false, retryAfter: null });
    if (kind.refused) await Promise.all(arena.wires.map((wire) => wire.open()));

    const back = Date.now();
    await arena.settle(1, 90_000);
    const recovered = (Date.now() - back) / 1000;
    const tally = await readers.stop();
    await arena.stopReplicas();
    const audited = await arena.audit();
    found.check(
      recovered <= (kind.recovery ?? RECOVERY),
      `all fresh only after ${recovered.toFixed(1)} s`,
    );
    found.check(
      audited.every(({ status }) => status === 'active'),
      'a grant was marked dead',
    );
    const held = (await arena.table.query('SELECT 1 FROM stitch_grants WHERE held_at IS NOT NULL'))
      .length;
    found.check(held <= HELD_AT_MOST, `${held} grants held`);
    found.check(tally.refusedThoughValid === 0, 'refused a token that was still good');
    // With two replicas a probe every few seconds each, and a few until the breaker opens.
    const bound = 2 * (40 + seconds);
    if (rotated === 0) found.check(calls <= bound, `${calls} calls while it was down`);
    found.note(
      `${calls} calls while it was down, ${held} held, all others fresh ${recovered.toFixed(1)} s after it, ` +
        `${tally.answered} reads answered, ${tally.refused} refused (token expired), ` +
        `${tally.refusedThoughValid} of a good token`,
    );
    return found.conclude(arena, tally, await countLost(arena, found));
  });
}

/** The provider is in trouble, in every way it can be, and comes back. */
export const providerOutages: Scenario = {
  name: 'provider',
  run: async (site, quick, variant = '') => {
    const outcomes: Outcome[] = [];
    const chosen = KINDS.filter(({ name }) => name.includes(variant));
    for (let from = 0; from < chosen.length; from += ABREAST) {
      const abreast = chosen.slice(from, from + ABREAST);
      outcomes.push(...(await Promise.all(abreast.map((kind) => outage(site, kind, quick)))));
    }
    return outcomes;
  },
};
