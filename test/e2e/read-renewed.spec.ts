import { createDatabase } from '../support/database.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer } from '../support/world.js';

it('a token that was rotated is at hand when the database goes away', async () => {
  const database = await createDatabase();
  const proxy = await startTcpProxy(database.url);
  const environment = { DATABASE_URL: proxy.url, REFRESH_POLICY: 'on-demand' };
  const world = await createWorld({ database, environment });
  try {
    const version = async (query = '') =>
      ((await (await world.read('ann', query)).json()) as TokenAnswer).version;
    await world.link('ann');
    await world.age('ann', 300);
    expect(await version()).toBe(1);
    // More than the first one has left.
    expect(await version('?min_ttl=700')).toBe(2);
    proxy.cut();
    await eventually('the vault misses its database', () =>
      world.vault.logs.some((line) => line.includes('database.lost')),
    );
    expect(await version()).toBe(2);
    expect(await version('?min_ttl=700')).toBe(2);
  } finally {
    await world.close();
    await proxy.close();
  }
});
