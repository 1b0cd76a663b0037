import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

describe('reading a token that is to live for a while yet', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2, environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterAll(() => world.close());

  const token = async (user: string, query = '', replica = 0) => {
    const answer = await world.read(user, query, replica);
    expect(answer.status).toBe(200);
    return (await answer.json()) as TokenAnswer;
  };

  it('refreshes when less than min_ttl is left, and only then', async () => {
    await world.link('cas');
    await world.age('cas', 800);
    expect((await token('cas')).version).toBe(1);
    expect((await token('cas', '?min_ttl=60')).version).toBe(1);
    expect((await token('cas', '?min_ttl=0', 1)).version).toBe(1);
    const fresh = await token('cas', '?min_ttl=120', 1);
    expect(fresh).toMatchObject({ version: 2 });
    expect(fresh.expires_in).toBeGreaterThan(890);
    await world.age('cas', 880);
    expect((await token('cas')).version).toBe(3);
  });

  it('never asks more than 80 % of the lifetime of a token', async () => {
    await world.link('dee');
    await world.age('dee', 170);
    expect((await token('dee', '?min_ttl=3600')).version).toBe(1);
    await world.age('dee', 20);
    expect((await token('dee', '?min_ttl=3600')).version).toBe(2);
    expect((await token('dee', '?min_ttl=3600')).version).toBe(2);
  });

  it.each(['-1', '3601', '1.5', '1e3', '', 'soon', '0x10', '60&min_ttl=70'])(
    'refuses min_ttl=%s',
    async (value) => {
      const answer = await world.read('ann', `?min_ttl=${value}`);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        code: 'invalid_request',
        errors: { min_ttl: [expect.any(String)] },
      });
    },
  );
});
