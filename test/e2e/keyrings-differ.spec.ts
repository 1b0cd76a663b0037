import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { metric } from '../support/metrics.js';
import { TEST_KEYRING, freePort, launchVault } from '../support/vault.js';
import type { TestVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const NEWER = `newer:${Buffer.alloc(32, 8).toString('base64')}`;
/** Another key that bears the same name. */
const NAMESAKE = `test:${Buffer.alloc(32, 9).toString('base64')}`;

/** Waits until a replica says that its keyring is not the right one. */
const unready = (vault: TestVault) =>
  eventually('the replica is unready for its keys', async () => {
    const answer = await vault.request('/health/ready');
    const { details } = (await answer.json()) as {
      details: Record<string, { status: string; reason?: string } | undefined>;
    };
    return answer.status === 503 && details.keys?.status === 'down' && details.keys.reason;
  });

describe('a replica that lacks the key which another one seals with', () => {
  let world: World;
  let newer: TestVault;
  beforeAll(async () => {
    world = await createWorld({ replicas: 1, environment: { REFRESH_INTERVAL: '1' } });
    await world.link('ann');
    newer = await launchVault({
      ...world.environment,
      PUBLIC_PORT: String(await freePort()),
      VAULT_KEYRING: `${NEWER},${TEST_KEYRING}`,
    });
    // The older replica presents nothing by itself: what it does is for its readers.
    await world.age('ann', 890);
    const rotated = await newer.request('/tokens/ann', { key: world.key });
    expect(await rotated.json()).toMatchObject({ version: 2 });
  });
  afterAll(async () => {
    await newer.stop();
    await world.close();
  });

  it('says 503 with a code of its own, and leaves the grant to who can open it', async () => {
    for (let read = 0; read < 5; read += 1) {
      const answer = await eventually('it has heard of the new version', async () => {
        const got = await world.read('ann');
        return got.status !== 200 && got;
      });
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(await answer.json()).toMatchObject({ code: 'key_unavailable' });
    }
    await world.age('ann', 890);
    expect((await world.read('ann')).status).toBe(503);
    const rotated = await newer.request('/tokens/ann', { key: world.key });
    expect(await rotated.json()).toMatchObject({ version: 3 });
    const rows = await world.database.query(
      'SELECT failure_count, status, rotation_started_at AS open FROM stitch_grants',
    );
    expect(rows).toEqual([{ failure_count: 0, status: 'active', open: null }]);
    expect(world.sandbox.stats.reuseEvents).toBe(0);
  });

  it('says so without waiting when a better token is asked for, or the one it has is refused', async () => {
    await world.age('ann', 890);
    const asked = performance.now();
    expect(await (await world.read('ann', '?min_ttl=600')).json()).toMatchObject({
      code: 'key_unavailable',
    });
    const refused = await world.vault.request('/tokens/ann/rejections', {
      key: world.key,
      method: 'POST',
      body: JSON.stringify({ version: 3 }),
    });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'key_unavailable' });
    // Half of PROVIDER_TIMEOUT is how long a living token's successor is waited for.
    expect(performance.now() - asked).toBeLessThan(4000);
    const rotated = await newer.request('/tokens/ann', { key: world.key });
    expect(await rotated.json()).toMatchObject({ version: 4 });
    expect(world.sandbox.stats.maxPresentations).toBe(1);
  });

  it('gives a consent back that another one can end, with the code not spent', async () => {
    const begun = await newer.request('/authorization-requests', {
      key: world.key,
      method: 'POST',
      body: JSON.stringify({ user_id: 'bea' }),
    });
    const { id, authorization_url } = (await begun.json()) as {
      id: string;
      authorization_url: string;
    };
    const callback = await world.sandbox.consent(authorization_url);
    for (let visit = 0; visit < 2; visit += 1) {
      const answer = await fetch(callback);
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    // Opened there as well, as a mail scanner would: neither does that use anything up.
    expect((await fetch(`${world.vault.publicUrl}/authorize/${id}`)).status).toBe(503);
    const { pathname, search } = new URL(callback);
    expect((await fetch(`${newer.publicUrl}${pathname}${search}`)).status).toBe(200);
    expect((await newer.request('/tokens/bea', { key: world.key })).status).toBe(200);
  });

  it('leaves it to another one to revoke what it cannot open', async () => {
    const deleted = await world.vault.request('/tokens/bea', { key: world.key, method: 'DELETE' });
    expect(deleted.status).toBe(204);
    await eventually('it is revoked', () => world.sandbox.stats.revocationCalls === 1);
    expect(world.vault.logs.join('')).not.toContain('revocation.failed');
  });

  it('is unready by the name of the key, with a gauge and one line in the log', async () => {
    const lines = () => world.vault.logs.filter((line) => line.includes('"health.part_down"'));
    expect(await unready(world.vault)).toMatch(/^key newer of \d+ row\(s\): missing$/);
    expect(await metric(world.vault, 'stitch_vault_part_up{part="keys"}')).toBe(0);
    expect(lines()).toHaveLength(1);
    const ready = await newer.request('/health/ready');
    expect(ready.status).toBe(200);
  });
});

describe('a replica with another key of the same name', () => {
  let database: TestDatabase;
  let vaults: TestVault[];
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(async () => {
    await Promise.all(vaults.map((vault) => vault.stop()));
    await database.drop();
  });

  it('is unready as soon as there is a value that it cannot open', async () => {
    vaults = await Promise.all(
      [TEST_KEYRING, NAMESAKE].map((keyring) =>
        launchVault({ DATABASE_URL: database.url, VAULT_KEYRING: keyring }),
      ),
    );
    const [first, second] = vaults as [TestVault, TestVault];
    // Whoever of them makes the audit's key makes the first value there is.
    const [reason] = await Promise.any(
      [first, second].map(async (vault) => [await unready(vault)]),
    );
    expect(reason).toBe('key test of 1 row(s): wrong');
  });
});
