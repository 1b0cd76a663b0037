import { GrantStore } from '../../src/grants/index.js';
import { GrantRefresher } from '../../src/tokens/index.js';
import { seedGrants } from '../support/grants.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

describe('link, read and rotate with two replicas', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2, environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterAll(() => world.close());

  it('links through the real flow and serves a token that the API accepts, on every replica', async () => {
    const callback = await world.link('ann');
    expect(callback.status).toBe(200);
    expect(await callback.text()).toContain('Your account is linked');
    for (const replica of [0, 1]) {
      const answer = await world.read('ann', '', replica);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      const token = (await answer.json()) as TokenAnswer;
      expect(world.sandbox.isLive(token.access_token)).toBe(true);
      expect(token).toMatchObject({ token_type: 'Bearer', provider: 'stitch-money', version: 1 });
      expect(token.expires_in).toBeLessThanOrEqual(900);
      expect(token.expires_in).toBeGreaterThan(890);
    }
  });

  it('refreshes a stale token once, however many readers on both replicas want it', async () => {
    await world.link('bob');
    await world.age('bob', 1000);
    const before = world.sandbox.stats.refreshCalls;
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => world.read('bob', '', index % 2)),
    );
    const tokens = (await Promise.all(answers.map((answer) => answer.json()))) as TokenAnswer[];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(tokens.map(({ access_token }) => access_token)).size).toBe(1);
    expect(world.sandbox.stats.refreshCalls - before).toBe(1);
    expect(world.sandbox.stats.reuseEvents).toBe(0);
    expect(world.sandbox.isLive(tokens[0]!.access_token)).toBe(true);
  });

  it('refreshes a hundred stale tokens once each, with both replicas after every one', async () => {
    const users = Array.from({ length: 100 }, (_, index) => `user-${String(index)}`);
    const minted = new Map(users.map((user) => [user, world.sandbox.mint()]));
    await seedGrants(world.vault, minted, Date.now() - 1_000_000);
    const { refreshCalls } = world.sandbox.stats;
    const answers = await Promise.all(
      users.flatMap((user) => [0, 1, 0, 1].map((replica) => world.read(user, '', replica))),
    );
    const tokens = (await Promise.all(answers.map((answer) => answer.json()))) as TokenAnswer[];
    expect(tokens.map(({ version }) => version)).toEqual(tokens.map(() => 2));
    expect(tokens.every(({ access_token }) => world.sandbox.isLive(access_token))).toBe(true);
    expect(world.sandbox.stats.refreshCalls - refreshCalls).toBe(100);
    expect(world.sandbox.stats).toMatchObject({ maxPresentations: 1, reuseEvents: 0 });
  });

  it('rotates once when a replica acts on what it saw before the other rotated', async () => {
    await world.link('cat');
    await world.age('cat', 1000);
    const late = world.vaults[1]!.app;
    const key = { provider: 'stitch-money', userId: 'cat', connection: 'default' };
    const seen = await late.get(GrantStore).load(key);
    const { refreshCalls } = world.sandbox.stats;
    const rotated = (await (await world.read('cat', '', 0)).json()) as TokenAnswer;
    expect(rotated.version).toBe(2);
    const demand = { kind: 'reader', minTtl: 30 } as const;
    expect(await late.get(GrantRefresher).refresh(seen!, demand)).toMatchObject({
      kind: 'grant',
      grant: { version: 2 },
    });
    expect(world.sandbox.stats.refreshCalls - refreshCalls).toBe(1);
  });
});
