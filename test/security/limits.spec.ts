import { send } from './wire.js';
import type { WireAnswer } from './wire.js';
import { expectPage } from './refusals.js';
import { createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/** Requests a second, and how many may come at once: three seconds' worth. */
const RATE = 4;
const BURST = 3 * RATE;

const many = <T>(count: number, ask: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => ask(n)));
const statusesOf = (answers: readonly { status: number }[]) =>
  answers.map(({ status }) => status).sort();
const expected = (status: number, count: number) => [
  ...Array.from({ length: BURST }, () => status),
  ...Array.from({ length: count - BURST }, () => 429),
];

describe('a ceiling on requests', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({
      environment: {
        CLIENT_REQUESTS_PER_SECOND: String(RATE),
        PUBLIC_REQUESTS_PER_SECOND: String(RATE),
        TRUSTED_PROXIES: '127.0.0.1/32',
      },
    });
  });
  afterAll(() => world.close());

  const read = (key: string) => world.vault.request('/tokens/nobody', { key });
  const visit = (from: string | undefined, target = '/callback/stitch-money?state=x') =>
    send(world.vault.publicUrl, {
      target,
      headers: from === undefined ? {} : { 'X-Forwarded-For': from },
    });
  const limited = (answers: readonly WireAnswer[]) =>
    answers.filter(({ status }) => status === 429);

  it('is each client’s own: three seconds’ worth at once, then 429 with Retry-After', async () => {
    const [one, other] = [
      await createClient(world.database.url, ['tokens:read']),
      await createClient(world.database.url, ['tokens:read']),
    ];
    const answers = await many(20, () => read(one));
    expect(statusesOf(answers)).toEqual(expected(404, 20));
    const refused = answers.find(({ status }) => status === 429);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(refused?.headers.get('retry-after'))).toBeLessThanOrEqual(3);
    expect(await refused?.json()).toMatchObject({ code: 'rate_limited', status: 429 });
    expect((await read(other)).status).toBe(404);
    await eventually('it may ask again', async () => (await read(one)).status === 404, 5000);
  });

  it('counts a client once, whichever of its keys it shows, and nobody who is none', async () => {
    const key = await createClient(world.database.url, ['tokens:read']);
    const strangers = await many(40, () => read(`stv_${'z'.repeat(43)}`));
    expect(new Set(statusesOf(strangers))).toEqual(new Set([401]));
    expect((await read(key)).status).toBe(404);
    const open = await many(40, () => fetch(`${world.vault.internalUrl}/health/live`));
    expect(new Set(statusesOf(open))).toEqual(new Set([200]));
  });

  it('is each address’s own on the public listener, on every path', async () => {
    const answers = await many(20, (n) =>
      visit('192.0.2.1', n % 2 === 0 ? undefined : `/nowhere/${String(n)}`),
    );
    expect(limited(answers)).toHaveLength(20 - BURST);
    for (const answer of limited(answers)) {
      expectPage(answer, 429);
      expect(answer.body).toContain('Nothing is lost');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
    expectPage(await visit('192.0.2.2'), 400);
    expectPage(await visit(undefined), 400);
  });

  it('believes the last address that is no proxy’s, whatever a browser put before it', async () => {
    const answers = await many(20, (n) => visit(`198.51.100.${String(n)}, 192.0.2.3`));
    expect(limited(answers)).toHaveLength(20 - BURST);
    const nonsense = await many(20, (n) => visit('x'.repeat(n + 1)));
    // What is no address counts as the proxy's own.
    expect(limited(nonsense).length).toBeGreaterThanOrEqual(20 - BURST);
  });

  it('counts an IPv6 network as one: each of its addresses is its owner’s to take', async () => {
    const answers = await many(20, (n) => visit(`2001:db8:1:1::${n.toString(16)}`));
    expect(limited(answers)).toHaveLength(20 - BURST);
    expect((await visit('2001:db8:1:2::1')).status).toBe(400);
    const mapped = await many(20, (n) => visit(n % 2 === 0 ? '::ffff:192.0.2.9' : '192.0.2.9'));
    expect(limited(mapped)).toHaveLength(20 - BURST);
  });
});

describe('without TRUSTED_PROXIES', () => {
  it('nobody’s X-Forwarded-For is believed, and that is said once', async () => {
    const world = await createWorld({
      environment: { PUBLIC_REQUESTS_PER_SECOND: String(RATE) },
    });
    const answers = await many(20, (n) =>
      send(world.vault.publicUrl, {
        target: '/callback/stitch-money?state=x',
        headers: { 'X-Forwarded-For': `192.0.2.${String(n)}` },
      }),
    );
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(20 - BURST);
    const said = world.vault.logs.filter((line) => line.includes('public.proxy_not_trusted'));
    expect(said).toHaveLength(1);
    expect(said[0]).not.toContain('192.0.2');
    // The internal listener knows no ceiling unless one is set.
    const reads = await many(100, () => world.read('nobody'));
    expect(new Set(statusesOf(reads))).toEqual(new Set([404]));
    await world.close();
  });
});
