import { TokenSealer } from '../../src/grants/index.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

describe('a grant that ends while something is under way', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2, environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterEach(() => {
    world.sandbox.reset();
  });
  afterAll(() => world.close());

  const remove = (user: string, replica: number) =>
    world.vaults[replica]!.request(`/tokens/${user}`, { key: world.key, method: 'DELETE' });
  /** The refresh tokens of a user that wait to be revoked, oldest first. */
  const waiting = async (user: string) => {
    const rows = await world.database.query<{ refresh_token: Buffer }>(
      'SELECT refresh_token FROM stitch_revocations WHERE user_id = $1 ORDER BY id',
      [user],
    );
    const key = { provider: 'stitch-money', userId: user, connection: 'default' };
    const sealer = world.vault.app.get(TokenSealer);
    return rows.map(({ refresh_token }) => sealer.open(refresh_token, 'refresh_token', key));
  };
  const refreshTokens = () =>
    world.sandbox.issued.filter(({ kind }) => kind === 'refresh_token').map(({ value }) => value);
  /** A stale grant whose rotation has reached the provider, and its reader. */
  const rotating = async (user: string) => {
    await world.link(user);
    await world.age(user, 890);
    // Long enough for what the test does meanwhile, also on a busy machine.
    // Nothing is revoked before the race is over, or the rotation would be refused.
    Object.assign(world.sandbox.switches, { latencyMs: 3000, revocationFault: '500' });
    const reading = world.read(user);
    await eventually('it is being rotated', () => world.sandbox.stats.refreshCalls === 1);
    return { reading };
  };
  const emptied = () =>
    eventually('the outbox is empty', async () => {
      const rows = await world.database.query('SELECT 1 FROM stitch_revocations');
      return rows.length === 0;
    });

  it('leaves no token behind when it is deleted during a rotation: the newborn is revoked', async () => {
    const before = refreshTokens().length;
    const { reading } = await rotating('ann');
    expect((await remove('ann', 1)).status).toBe(204);
    expect((await world.read('ann', '', 1)).status).toBe(404);
    expect((await reading).status).toBe(404);
    const [linked, newborn] = refreshTokens().slice(before);
    expect(newborn).toBeDefined();
    const both = await eventually('both tokens wait to be revoked', async () => {
      const tokens = await waiting('ann');
      return tokens.length === 2 && tokens;
    });
    expect(both).toEqual([linked, newborn]);
    Object.assign(world.sandbox.switches, { latencyMs: 0, revocationFault: 'none' });
    await emptied();
    expect(world.sandbox.stats.revocationCalls).toBeGreaterThanOrEqual(2);
    expect(await world.database.query('SELECT 1 FROM stitch_grants')).toEqual([]);
    expect((await world.read('ann')).status).toBe(404);
  });

  it('is not overwritten by a rotation of the consent before: relinked meanwhile', async () => {
    const before = refreshTokens().length;
    const { reading } = await rotating('ben');
    world.sandbox.switches.latencyMs = 0;
    await world.link('ben', { untick: ['accounts'] });
    const answer = await reading;
    expect(answer.status).toBe(200);
    const served = (await answer.json()) as TokenAnswer;
    expect(served.scope).not.toContain('accounts');
    const [linked, , newborn] = refreshTokens().slice(before);
    await eventually('both old tokens wait to be revoked', async () => {
      const tokens = await waiting('ben');
      return tokens.length === 2 && tokens[0] === linked && tokens[1] === newborn;
    });
    world.sandbox.reset();
    await emptied();
    for (const replica of [0, 1]) {
      const token = (await (await world.read('ben', '', replica)).json()) as TokenAnswer;
      expect(token.access_token).toBe(served.access_token);
      expect(world.sandbox.isLive(token.access_token)).toBe(true);
    }
  });

  it('is replaced atomically when it is linked anew: no reader ever finds nothing', async () => {
    await world.link('cas');
    const old = (await (await world.read('cas')).json()) as TokenAnswer;
    const statuses = new Set<number>();
    const versions: number[] = [];
    let relinked = false;
    const reader = async (replica: number) => {
      let last = 0;
      do {
        const answer = await world.read('cas', '', replica);
        statuses.add(answer.status);
        const { version } = (await answer.json()) as TokenAnswer;
        expect(version).toBeGreaterThanOrEqual(last);
        last = version;
      } while (!relinked || last < 6);
      versions.push(last);
    };
    const readers = Promise.all([0, 1, 0, 1].map(reader));
    for (let round = 0; round < 5; round += 1) {
      expect((await world.link('cas')).status).toBe(200);
    }
    relinked = true;
    await readers;
    expect([...statuses]).toEqual([200]);
    expect(versions).toEqual([6, 6, 6, 6]);
    await emptied();
    expect(world.sandbox.isLive(old.access_token)).toBe(false);
    const now = (await (await world.read('cas', '', 1)).json()) as TokenAnswer;
    expect(world.sandbox.isLive(now.access_token)).toBe(true);
    expect(world.sandbox.stats).toMatchObject({ revocationCalls: 5, familiesRevoked: 5 });
  });
});
