import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

interface Row {
  user_id: string;
  version: string;
  scheduled: boolean;
  left: number;
}

/** What the table says of a user's grant; `left` in seconds until it is due. */
async function rowOf(world: World, userId: string): Promise<Row> {
  const [row] = await world.database.query<Row>(
    `SELECT user_id, version, refresh_due_at IS NOT NULL AS scheduled,
       extract(epoch FROM refresh_due_at - now())::float8 AS left
     FROM stitch_grants WHERE user_id = $1`,
    [userId],
  );
  if (!row) throw new Error(`${userId} has no grant`);
  return row;
}

/** Waits until the schedule has dealt with a grant that was due. */
const dealtWith = (world: World, userId: string) =>
  eventually(`the schedule has dealt with ${userId}`, async () => {
    const row = await rowOf(world, userId);
    return (!row.scheduled || row.left > 60) && row;
  });

const version = async (world: World, userId: string, query = '') => {
  const answer = await world.read(userId, query);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as TokenAnswer).version;
};

/** Old enough to be due for the schedule, young enough for every reader. */
const DUE = 800;

/** Whose grants each policy keeps fresh by itself. */
const FRESHENED: Readonly<Record<string, readonly string[]>> = {
  all: ['read', 'unread', 'long-ago'],
  active: ['read'],
  'on-demand': [],
};

describe.each(Object.keys(FRESHENED))('the schedule under REFRESH_POLICY=%s', (policy) => {
  let world: World;
  beforeAll(async () => {
    const environment = { REFRESH_POLICY: policy, REFRESH_INTERVAL: '1' };
    world = await createWorld({ replicas: 2, environment });
    for (const user of ['read', 'unread', 'long-ago']) await world.link(user);
    expect(await version(world, 'read')).toBe(1);
    await eventually('the read was noted', async () => {
      const rows = await world.database.query(
        'SELECT 1 FROM stitch_grants WHERE last_read_at IS NOT NULL',
      );
      return rows.length === 1;
    });
    await world.database.query(
      `UPDATE stitch_grants SET last_read_at = now() - interval '2 days'
       WHERE user_id = 'long-ago'`,
    );
    for (const user of ['read', 'unread', 'long-ago']) await world.age(user, DUE);
  });
  afterAll(() => world.close());

  const kept = FRESHENED[policy] ?? [];

  it.each(['read', 'unread', 'long-ago'])('keeps fresh what it should: %s', async (user) => {
    const row = await dealtWith(world, user);
    expect(row).toMatchObject(
      kept.includes(user)
        ? { version: '2', scheduled: true }
        : { version: '1', scheduled: false, left: null },
    );
  });

  it('rotated each of them once, two replicas notwithstanding', () => {
    expect(world.sandbox.stats).toMatchObject({
      refreshCalls: kept.length,
      maxPresentations: Math.min(1, kept.length),
      reuseEvents: 0,
    });
  });

  it('sets the next time before the token expires, or none where it keeps nothing fresh', async () => {
    for (const user of ['read', 'unread', 'long-ago']) {
      const { left, scheduled } = await rowOf(world, user);
      expect(scheduled).toBe(kept.includes(user));
      // REFRESH_LEAD is 180 s, of which jitter takes a quarter at most.
      if (scheduled) expect(Math.abs(left - 742.5)).toBeLessThan(22.5 + 15);
    }
  });

  it('serves every grant all the same: a reader rotates what the schedule left', async () => {
    for (const user of ['read', 'unread', 'long-ago']) {
      const found = kept.includes(user) ? 2 : 1;
      expect(await version(world, user)).toBe(found);
      expect(await version(world, user, '?min_ttl=200')).toBe(2);
    }
    expect(world.sandbox.stats).toMatchObject({ refreshCalls: 3, maxPresentations: 1 });
  });
});

describe('the schedule under REFRESH_POLICY=active', () => {
  it('takes up a grant again that somebody reads again', async () => {
    const environment = { REFRESH_POLICY: 'active', REFRESH_INTERVAL: '1' };
    const world = await createWorld({ replicas: 2, environment });
    try {
      await world.link('ann');
      await world.age('ann', DUE);
      expect((await dealtWith(world, 'ann')).scheduled).toBe(false);
      expect(await version(world, 'ann')).toBe(1);
      const row = await eventually('it was rotated', async () => {
        const now = await rowOf(world, 'ann');
        return now.version === '2' && now;
      });
      expect(row.scheduled).toBe(true);
      expect(world.sandbox.stats.maxPresentations).toBe(1);
    } finally {
      await world.close();
    }
  });
});
