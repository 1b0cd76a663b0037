import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createClient } from '../support/vault.js';
import { metric } from '../support/metrics.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/** Notifications of one flood, each its own: PostgreSQL drops those of a transaction that repeat. */
const MANY = 60_000;

describe('a flood of notifications', () => {
  let world: World;
  const role = `stranger_${randomBytes(4).toString('hex')}`;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2 });
    await world.link('ann');
    await world.database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'stranger'`);
  });
  afterAll(async () => {
    await world.database.query(`DROP ROLE ${role}`);
    await world.close();
  });

  const as = async (user: string | undefined, work: (client: pg.Client) => Promise<unknown>) => {
    const url = new URL(world.database.url);
    if (user !== undefined) {
      url.username = user;
      url.password = user.split('_')[0] ?? '';
    }
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };
  const flood = (channel: string) => (client: pg.Client) =>
    client.query(
      `SELECT count(pg_notify($1, '["grant","stitch-money","' || n || '","default"]'))
       FROM generate_series(1, ${String(MANY)}) n`,
      [channel],
    );
  const floods = () =>
    Promise.all(
      world.vaults.map((vault) => metric(vault, 'stitch_vault_notification_floods_total')),
    );
  const readAll = async () => {
    for (let replica = 0; replica < world.vaults.length; replica += 1) {
      expect((await world.read('ann', '', replica)).status).toBe(200);
    }
  };

  it('from somebody with nothing but a login reaches no replica: the channel is not to be known', async () => {
    await as(role, async (client) => {
      await expect(client.query('SELECT name FROM stitch_channel')).rejects.toThrow('permission');
      await expect(client.query(`SELECT stitch_notify('["client"]')`)).rejects.toThrow(
        'permission',
      );
      const { rows } = await client.query<{ query: string }>('SELECT query FROM pg_stat_activity');
      expect(rows.some(({ query }) => query.includes('stitch_vault_'))).toBe(false);
      for (let round = 0; round < 5; round += 1) await flood('stitch_vault')(client);
    });
    await readAll();
    expect(await floods()).toEqual([0, 0]);
  });

  it('on the channel itself is cut off, and afterwards nothing is believed that was told in it', async () => {
    const key = await createClient(world.database.url, ['tokens:read'], { name: 'known' });
    const statuses = () =>
      Promise.all(
        world.vaults.map(async (vault) => (await vault.request('/tokens/ann', { key })).status),
      );
    expect(await statuses()).toEqual([200, 200]);
    const [channel] = await world.database.query<{ name: string }>(
      'SELECT name FROM stitch_channel',
    );
    await as(undefined, flood(channel?.name ?? ''));
    await world.database.query(
      `UPDATE service_clients SET revoked_at = now() WHERE name = 'known'`,
    );
    await eventually(
      'both replicas refuse the revoked key',
      async () => (await statuses()).every((status) => status === 401),
      1500,
    );
    await readAll();
    await eventually('both replicas cut it off', async () => {
      const each = await floods();
      return each.every((count) => count > 0);
    });
    const line = world.vaults[0]?.logs.find((each) => each.includes('notifications_flooded'));
    expect(line).toContain('"level":40');
  });
});
