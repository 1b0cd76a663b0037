import { RefusalLog } from '../../src/clients/refusal-log.js';
import { createClient } from '../support/vault.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

describe('refusals in the log', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.close());

  it('are added up by client, status and route, and name neither users nor keys', async () => {
    const key = await createClient(world.database.url, ['tokens:read'], {
      name: 'curious',
      userPrefixes: ['a-'],
    });
    const ask = (path: string, with_: string) => world.vault.request(path, { key: with_ });
    for (let n = 0; n < 5; n += 1) {
      await ask(`/tokens/secret-user-${String(n)}`, key);
      await ask('/grants', key);
      await ask(`/tokens/ann`, `stv_${'x'.repeat(43)}`);
      await ask('/tokens/a-ann', key);
    }
    world.vault.app.get(RefusalLog).flush();
    const lines = world.vault.logs.filter((line) => line.includes('access.refused'));
    const sums = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const route = '/tokens/:user_id';
    for (const sum of [
      { client: 'curious', status: 403, route, count: 5 },
      { client: 'curious', status: 403, route: '/grants', count: 5 },
      { client: null, status: 401, route, count: 5 },
    ]) {
      expect(sums).toContainEqual(expect.objectContaining({ level: 40, ...sum }));
    }
    expect(sums).toHaveLength(3);
    expect(lines.join('\n')).not.toMatch(/secret-user|stv_/);
    world.vault.app.get(RefusalLog).flush();
    expect(world.vault.logs.filter((line) => line.includes('access.refused'))).toHaveLength(3);
  });
});
