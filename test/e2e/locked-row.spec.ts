import pg from 'pg';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

/** An operator's transaction, say, that was begun and forgotten. */
describe('a row that somebody keeps locked', () => {
  let world: World;
  let operator: pg.Client;
  beforeAll(async () => {
    world = await createWorld({ environment: { REFRESH_POLICY: 'active', REFRESH_INTERVAL: '1' } });
    operator = new pg.Client({ connectionString: world.database.url });
    await operator.connect();
  });
  afterAll(async () => {
    await operator.end();
    await world.close();
  });

  const lock = async (user: string) => {
    await operator.query('BEGIN');
    await operator.query('SELECT 1 FROM stitch_grants WHERE user_id = $1 FOR UPDATE', [user]);
  };
  const lastRead = async (user: string) => {
    const [row] = await world.database.query<{ last_read_at: Date | null }>(
      'SELECT last_read_at FROM stitch_grants WHERE user_id = $1',
      [user],
    );
    return row?.last_read_at;
  };

  it('holds up no commit but its own, which is made once the row is free', async () => {
    for (const user of ['locked', 'neighbour']) {
      await world.link(user);
      await world.age(user, 890);
    }
    world.sandbox.switches.latencyMs = 1000;
    let answered = false;
    const first = world.read('locked').finally(() => (answered = true));
    await eventually('it is being rotated', () => world.sandbox.stats.refreshCalls === 1);
    const second = world.read('neighbour');
    await eventually('both are being rotated', () => world.sandbox.stats.refreshCalls === 2);
    await lock('locked');
    const free = await second;
    expect(free.status).toBe(200);
    expect(((await free.json()) as TokenAnswer).version).toBe(2);
    expect(answered).toBe(false);
    await operator.query('COMMIT');
    const late = await first;
    expect(late.status).toBe(200);
    expect(((await late.json()) as TokenAnswer).version).toBe(2);
    expect(world.sandbox.stats.refreshCalls).toBe(2);
    expect(world.sandbox.stats.reuseEvents).toBe(0);
  });

  it('holds up no note of a read but its own, which is made once the row is free', async () => {
    await world.database.query('UPDATE stitch_grants SET last_read_at = NULL');
    await lock('locked');
    for (const user of ['locked', 'neighbour']) expect((await world.read(user)).status).toBe(200);
    await eventually('the neighbour is noted', () => lastRead('neighbour'));
    expect(await lastRead('locked')).toBeNull();
    await operator.query('COMMIT');
    await eventually('the other one is noted', () => lastRead('locked'));
  });
});
