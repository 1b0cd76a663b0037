import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Arena } from '../arena.js';
import { eventually } from '../../support/wait.js';
import { Findings, inArena, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';
import { lengthen } from '../wire.js';
import type { WireAnswer, WireFault } from '../wire.js';

/** Seconds that a token lives, at a provider that answers a used refresh token to nobody. */
const LIFETIME = 20;
/** Seconds within which everything is fresh again once the provider is well. */
const RECOVERY = 60;
const KILL_EVERY_MS = 3000;

interface Fault {
  readonly name: string;
  /** Users for whom the provider is in trouble; all when not given. */
  readonly sick?: number;
  readonly users?: number;
  readonly answer: WireFault;
  /** Seconds that the fault lasts, and in the short version. */
  readonly seconds?: readonly [number, number];
  /** Grants that may be lost or marked dead at most. */
  readonly given?: number;
  /** Grants whose tokens may be spent for nothing at most, held or lost, by all replicas together. */
  readonly spent?: number;
  /** Whether replicas are killed and started again meanwhile: what they know of the fault is lost. */
  readonly kills?: boolean;
  /** Grants that the provider asked to wait for longer than the scenario. */
  readonly waiting?: number;
}

const refusal =
  (status: number, error: string, headers: Record<string, string> = {}): WireFault =>
  () => ({
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ error }),
  });
const altered =
  (alter: (answer: WireAnswer) => WireAnswer): WireFault =>
  async (_, forward) => {
    const answer = await forward();
    return answer.status === 200 ? alter(answer) : answer;
  };
const sometimes =
  (share: number, fault: WireFault): WireFault =>
  (user, forward) =>
    Math.random() < share ? fault(user, forward) : forward();
const late =
  (seconds: number): WireFault =>
  async (_, forward) => {
    const answer = await forward();
    await sleep(seconds * 1000);
    return answer;
  };

const FAULTS: readonly Fault[] = [
  { name: 'answers after 12 s', answer: late(12), seconds: [40, 20] },
  { name: 'answers after 20 s', answer: late(20), seconds: [60, 25] },
  {
    name: 'answers gzipped unasked',
    answer: altered(({ headers, body, ...answer }) => ({
      ...answer,
      headers: { ...headers, 'content-encoding': 'gzip' },
      body: gzipSync(body),
    })),
  },
  {
    name: 'refresh tokens of 9,000 characters',
    answer: altered((answer) => {
      const tokens = JSON.parse(String(answer.body)) as { refresh_token: string };
      const refresh_token = lengthen(tokens.refresh_token, 9000);
      return { ...answer, body: JSON.stringify({ ...tokens, refresh_token }) };
    }),
  },
  { name: 'invalid_grant to everybody', answer: refusal(400, 'invalid_grant'), given: 5 },
  {
    name: 'invalid_grant to everybody, kill -9 every 3 s',
    answer: refusal(400, 'invalid_grant'),
    given: 5,
    kills: true,
  },
  { name: 'invalid_client to everybody', answer: refusal(401, 'invalid_client') },
  {
    name: 'answers that nobody understands',
    answer: altered((answer) => ({ ...answer, body: `<html>${String(answer.body)}</html>` })),
    spent: 5,
  },
  {
    name: 'answers compressed, and cut',
    answer: altered(({ headers, body, ...answer }) => ({
      ...answer,
      headers: { ...headers, 'content-encoding': 'gzip' },
      body: gzipSync(body).subarray(0, 40),
    })),
    spent: 5,
  },
  {
    name: 'answers lost, tokens spent',
    answer: async (_, forward) => {
      await forward();
      return { status: 502, headers: {}, body: '' };
    },
    spent: 5,
  },
  {
    name: 'answers lost behind a page of a proxy, tokens spent',
    answer: async (_, forward) => {
      await forward();
      const headers = { 'content-type': 'text/html' };
      return { status: 502, headers, body: '<html>Bad Gateway</html>' };
    },
    spent: 5,
  },
  {
    name: 'connections cut, tokens spent',
    answer: async (_, forward) => {
      await forward();
      throw new Error('cut');
    },
    spent: 5,
  },
  ...(
    [
      [
        'nobody understands',
        (answer: WireAnswer) => ({ ...answer, body: `<html>${String(answer.body)}</html>` }),
      ],
      ['are lost', () => ({ status: 502, headers: {}, body: '' })],
    ] as const
  ).map(([what, alter]) => ({
    name: `half of all answers ${what}, tokens spent, thousands due`,
    users: 2000,
    seconds: [60, 30] as const,
    answer: sometimes(0.5, altered(alter)),
    // Beside those that tell of it, what is in flight by then.
    spent: 40,
  })),
  // Something in front of the provider answers; the provider has not seen the request.
  ...(
    [
      ['a page of maintenance', 200, '<!doctype html><title>Back at noon</title>'],
      ['redirects to another place', 307, ''],
      ['an empty answer', 200, ''],
    ] as const
  ).map(([name, status, body]) => ({
    name,
    answer: () =>
      Promise.resolve({ status, headers: { 'content-type': 'text/html', location: '/' }, body }),
  })),
  {
    name: 'one node of three answers 502',
    answer: sometimes(1 / 3, () => Promise.resolve({ status: 502, headers: {}, body: '' })),
  },
  { name: '429 without Retry-After to everybody', answer: refusal(429, 'slow_down') },
  { name: '500 to a few', users: 40, sick: 3, answer: refusal(500, 'server_error') },
  { name: '200 with an error to a few', users: 40, sick: 3, answer: refusal(200, 'server_error') },
  {
    name: '429 with Retry-After 600 to one',
    users: 40,
    sick: 1,
    answer: refusal(429, 'slow_down', { 'retry-after': '600' }),
    waiting: 1,
  },
  ...(
    [
      [400, 'unauthorized_client'],
      [401, 'invalid_client'],
      [400, 'interaction_required'],
      [200, 'bad_refresh_token'],
    ] as const
  ).map(([status, word]) => ({
    name: `${word} to five`,
    users: 40,
    sick: 5,
    answer: refusal(status, word),
  })),
];

const ABREAST = 2;

async function systematic(
  site: Site,
  fault: Fault,
  replicas: number,
  seconds: number,
): Promise<Outcome> {
  const everyone = users(fault.users ?? 60);
  const sick = new Set(fault.sick === undefined ? everyone : everyone.slice(0, fault.sick));
  const well = everyone.filter((user) => !sick.has(user));
  const found = new Findings(
    `systematic: ${fault.name}, ${replicas} replica${replicas > 1 ? 's' : ''}`,
    `${seconds} s, ${everyone.length} grants of ${LIFETIME} s, grace 0`,
  );
  const arena = await Arena.open(site, {
    name: `systematic-${fault.name.replaceAll(/\W+/g, '-')}-${replicas}`,
    replicas,
    switches: { tokenLifetime: LIFETIME, graceSeconds: 0 },
  });
  return inArena(arena, async () => {
    await arena.start();
    await arena.seed({
      users: everyone,
      lifetime: LIFETIME,
      age: () => 0,
      due: (index) => 2 + (12 * index) / everyone.length,
    });
    const readers = arena.openReaders(8);
    if (well.length > 0) readers.run(well, 8, 50);
    // The fault meets a vault that has a record of the provider.
    await eventually(
      'every other grant has been rotated',
      () => arena.sandbox.stats.rotations >= everyone.length / 2,
      LIFETIME * 2000,
    );
    for (const wire of arena.wires) {
      wire.fault = (user, forward) => (sick.has(user) ? fault.answer(user, forward) : forward());
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
    const most = (fault.given ?? 0) + (fault.spent ?? 0);
    found.check(lost + held <= most, `${lost} lost, ${held} held`);
    found.check(dead <= most, `${dead} marked dead`);
    if (well.length > 0) {
      found.check(tally.share >= 0.999, `others served: ${(tally.share * 100).toFixed(2)} %`);
    }
    found.note(
      `${calls} calls by the end of the fault, ${dead} marked dead, ${held} held, ` +
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
