import { DataSource } from 'typeorm';
import { ClientRegistry, ServiceClient } from '../../src/clients/index.js';
import { dataSourceOptions } from '../../src/database/index.js';
import { takenOver } from '../support/audit.js';
import { eventually } from '../support/wait.js';
import { keysOf } from '../support/vault.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import { connectionTo } from '../support/database.js';

/** Milliseconds in which a change must have reached every replica: a notification's way. */
const AT_ONCE = 900;

describe('API keys on two replicas', () => {
  let world: World;
  let dataSource: DataSource;
  let registry: ClientRegistry;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2 });
    await world.link('ann');
    await takenOver(world.database);
    dataSource = new DataSource({
      ...dataSourceOptions(connectionTo(world.database.url)),
      entities: [ServiceClient],
    });
    await dataSource.initialize();
    registry = new ClientRegistry(dataSource, keysOf());
  });
  afterAll(async () => {
    await dataSource.destroy();
    await world.close();
  });

  const statuses = (key: string) =>
    Promise.all(
      world.vaults.map(async (vault) => (await vault.request('/tokens/ann', { key })).status),
    );
  const become = (key: string, status: number) =>
    eventually(
      `both replicas answer ${String(status)}`,
      async () => (await statuses(key)).every((each) => each === status),
      AT_ONCE,
    );

  it('refuses a revoked key at once on both, although both had it in memory', async () => {
    const key = (await registry.add({ name: 'revoked', scopes: ['tokens:read'] })).key!;
    expect(await statuses(key)).toEqual([200, 200]);
    await registry.revoke('revoked');
    await become(key, 401);
  });

  it('accepts a key made anew under a revoked name, and never the old one again', async () => {
    const old = (await registry.add({ name: 'again', scopes: ['tokens:read'] })).key!;
    await registry.revoke('again');
    const key = (await registry.add({ name: 'again', scopes: ['tokens:read'] })).key!;
    await become(key, 200);
    await become(old, 401);
  });

  it('refuses a client at once whose scopes somebody changed in the database', async () => {
    const key = (await registry.add({ name: 'narrowed', scopes: ['tokens:read'] })).key!;
    expect(await statuses(key)).toEqual([200, 200]);
    await world.database.query(
      `UPDATE service_clients SET scopes = '{authorizations:write}' WHERE name = 'narrowed'`,
    );
    await become(key, 401);
  });

  it('refuses the hash of a key, and what the table holds, as a key', async () => {
    const [row] = await world.database.query<{ hash: string }>(
      `SELECT encode(key_hash, 'base64') AS hash FROM service_clients WHERE revoked_at IS NULL`,
    );
    expect(await statuses(row?.hash ?? '')).toEqual([401, 401]);
    expect(await statuses(`stv_${row?.hash ?? ''}`)).toEqual([401, 401]);
  });

  it('keeps no key anywhere in the database', async () => {
    const rows = await world.database.query<{ text: string }>(
      'SELECT c::text AS text FROM service_clients c',
    );
    const dump = rows.map(({ text }) => text).join('\n');
    expect(dump).not.toContain('stv_');
    expect(dump).not.toContain(world.key.slice(4));
    expect(dump).not.toContain(Buffer.from(world.key).toString('hex'));
  });

  it('writes no key to the log', () => {
    const logs = world.vaults.flatMap((vault) => vault.logs).join('\n');
    expect(logs).toContain('http.request');
    expect(logs).not.toContain(world.key);
    expect(logs).not.toContain('stv_');
  });
});
