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
    await world.age('bob', 890);
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
});
