import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

describe('Retry-After of a read while the provider pauses us', () => {
  /** Seconds that the provider asks for. */
  const PAUSE = 20;
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
    await world.link('ann');
    await world.age('ann', 901);
    Object.assign(world.sandbox.switches, { tokenFault: '429', retryAfter: PAUSE });
  });
  afterAll(() => world.close());

  const asked = async () => {
    const answer = await world.read('ann');
    expect(answer.status).toBe(503);
    return Number(answer.headers.get('retry-after'));
  };
  /** Sets when the grant may be tried again by its own backoff. */
  const backOff = (seconds: number) =>
    world.database.query(
      `UPDATE stitch_grants SET refresh_due_at = now() + make_interval(secs => $1)`,
      [seconds],
    );

  it('is what the provider asked this grant to wait', async () => {
    // Not to the second: a busy machine takes its time between the pause and the answer.
    expect(Math.abs((await asked()) - PAUSE)).toBeLessThan(5);
    // One grant was told to wait: that binds the grant, not its provider.
    await backOff(2);
    // Rounded up, by a clock that may be some milliseconds behind the database's.
    expect(await asked()).toBeLessThanOrEqual(3);
    await backOff(60);
    expect(await asked()).toBeGreaterThan(PAUSE);
    expect(world.sandbox.stats.refreshCalls).toBe(1);
  });
});
