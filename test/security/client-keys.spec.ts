import { DataSource } from 'typeorm';
import { ClientRegistry, ServiceClient } from '../../src/clients/index.js';
import { dataSourceOptions } from '../../src/database/index.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { connectionTo, createDatabase } from '../support/database.js';
import { createClient, keysOf } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/** Milliseconds within which revocation and expiry must be felt on every replica. */
const A_SECOND = 1000;

describe('keys of a client, on two replicas', () => {
  let world: World;
  let dataSource: DataSource;
  let registry: ClientRegistry;
  let proxy: TcpProxy;
  beforeAll(async () => {
    const database = await createDatabase();
    proxy = await startTcpProxy(database.url);
    world = await createWorld({
      replicas: 2,
      database: { ...database, url: proxy.url },
      environment: { STALE_TRUST: '2' },
    });
    await world.link('ann');
    dataSource = new DataSource({
      ...dataSourceOptions(connectionTo(database.url)),
      entities: [ServiceClient],
    });
    await dataSource.initialize();
    registry = new ClientRegistry(dataSource, keysOf());
  });
  afterAll(async () => {
    await dataSource.destroy();
    await world.close();
    await proxy.close();
  });

  const statuses = (key: string) =>
    Promise.all(
      world.vaults.map(async (vault) => (await vault.request('/tokens/ann', { key })).status),
    );
  const become = (key: string, status: number, limit: number) =>
    eventually(
      `both replicas answer ${String(status)}`,
      async () => (await statuses(key)).every((each) => each === status),
      limit,
    );

  it('work from the moment they are made', async () => {
    for (let made = 0; made < 5; made += 1) {
      const key = (await registry.add({ name: `new-${String(made)}`, scopes: ['tokens:read'] }))
        .key!;
      expect(await statuses(key)).toEqual([200, 200]);
    }
  });

  it('are two while one takes the place of the other, and never three', async () => {
    const first = (await registry.add({ name: 'turning', scopes: ['tokens:read'] })).key!;
    const second = await registry.rotate('turning', 3600);
    const inAnHour = second.previousKeyExpiresAt.getTime() - Date.now();
    expect(inAnHour).toBeGreaterThan(3_590_000);
    expect(inAnHour).toBeLessThan(3_610_000);
    expect(await statuses(first)).toEqual([200, 200]);
    expect(await statuses(second.key)).toEqual([200, 200]);
    const third = await registry.rotate('turning', 3600);
    await become(first, 401, A_SECOND);
    expect(await statuses(second.key)).toEqual([200, 200]);
    expect(await statuses(third.key)).toEqual([200, 200]);
  });

  it('end at once where no overlap is wanted', async () => {
    const first = (await registry.add({ name: 'leaked', scopes: ['tokens:read'] })).key!;
    expect(await statuses(first)).toEqual([200, 200]);
    const { key } = await registry.rotate('leaked', 0);
    await become(first, 401, A_SECOND);
    expect(await statuses(key)).toEqual([200, 200]);
  });

  it('end when their overlap does, and with the client, within a second', async () => {
    const old = (await registry.add({ name: 'brief-overlap', scopes: ['tokens:read'] })).key!;
    await registry.rotate('brief-overlap', 1);
    expect(await statuses(old)).toEqual([200, 200]);
    const { key } = await registry.add({
      name: 'brief',
      scopes: ['tokens:read'],
      expiresInSeconds: 1,
    });
    expect(await statuses(key ?? '')).toEqual([200, 200]);
    await become(old, 401, 2 * A_SECOND);
    await become(key ?? '', 401, 2 * A_SECOND);
    // The name of a client that has ended is free again.
    expect((await registry.add({ name: 'brief', scopes: ['tokens:read'] })).key!).toMatch(/^stv_/);
    await expect(registry.rotate('nobody', 0)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are felt to be revoked within seconds where no trigger tells of it', async () => {
    const key = (await registry.add({ name: 'unheard', scopes: ['tokens:read'] })).key!;
    expect(await statuses(key)).toEqual([200, 200]);
    await world.database.query('ALTER TABLE service_clients DISABLE TRIGGER USER');
    await world.database.query(
      `UPDATE service_clients SET revoked_at = now() WHERE name = 'unheard'`,
    );
    await world.database.query('ALTER TABLE service_clients ENABLE TRIGGER USER');
    await become(key, 401, 4 * A_SECOND);
  });

  it('are not pushed out of memory by those of strangers, nor is anything kept of these', async () => {
    const key = await createClient(world.database.url, ['tokens:read']);
    expect(await statuses(key)).toEqual([200, 200]);
    for (let round = 0; round < 10; round += 1) {
      const guesses = Array.from({ length: 100 }, (_, n) =>
        statuses(`stv_${String(round)}${String(n).padStart(42, 'x')}`.slice(0, 47)),
      );
      expect((await Promise.all(guesses)).flat().every((status) => status === 401)).toBe(true);
    }
    proxy.cut();
    expect(await statuses(key)).toEqual([200, 200]);
    proxy.restore();
    await eventually('both are back', async () =>
      (await statuses(`stv_${'y'.repeat(43)}`)).every((status) => status === 401),
    );
  });

  it('and grants are believed without the database for STALE_TRUST, and no longer', async () => {
    expect(await statuses(world.key)).toEqual([200, 200]);
    proxy.cut();
    expect(await statuses(world.key)).toEqual([200, 200]);
    await become(world.key, 503, 10 * A_SECOND);
    const metrics = await (await fetch(`${world.vault.internalUrl}/metrics`)).text();
    expect(metrics).toMatch(/stale_trust_refusals_total\{what="client"\} [1-9]/);
    const ready = await fetch(`${world.vault.internalUrl}/health/ready`);
    expect(await ready.json()).toMatchObject({
      details: { database: { status: 'down', stale_trust: 'ended' } },
    });
    proxy.restore();
    await become(world.key, 200, 10 * A_SECOND);
  });
});
