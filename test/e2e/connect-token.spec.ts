import { dumpDatabase } from '../support/dump.js';
import { createConnectWorld, grantLife } from '../support/connect-world.js';
import type { ConnectToken, ConnectWorld } from '../support/connect-world.js';
import { findNeedles } from '../support/needles.js';
import { freePort, launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';

describe('a permanent token of stitch-connect', () => {
  let world: ConnectWorld;
  beforeAll(async () => {
    world = await createConnectWorld({ environment: { REFRESH_POLICY: 'all' } });
    expect((await world.linkConnect('ann')).status).toBe(200);
  });
  afterEach(() => {
    world.connect.reset();
  });
  afterAll(() => world.close());

  it('is served with no expiry and its account, whatever min_ttl is asked for', async () => {
    for (const [replica, query] of ['', '&min_ttl=0', '&min_ttl=3600'].entries()) {
      const answer = await world.read('ann', `?provider=stitch-connect${query}`, replica % 2);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(await answer.json()).toEqual({
        access_token: expect.stringMatching(/^ac_/),
        token_type: 'Bearer',
        expires_in: null,
        expires_at: null,
        scope: '',
        provider: 'stitch-connect',
        connection: 'default',
        version: 1,
        stitch_account_id: world.connect.save().accounts[0]?.stitchAccountId,
      });
    }
  });

  it('is never scheduled: what else is due is rotated, it is left alone', async () => {
    expect(await grantLife(world, 'ann')).toMatchObject({ status: 'active', due_in: null });
    await world.link('due');
    await world.database.query(
      `UPDATE stitch_grants SET refresh_due_at = now() WHERE user_id = 'due'`,
    );
    await eventually('the schedule has worked', async () => {
      const { version } = await grantLife(world, 'due', 'stitch-money');
      return version === 2;
    });
    expect(await grantLife(world, 'ann')).toMatchObject({ version: 1, due_in: null });
    expect(world.connect.stats.sourceCalls).toBe(0);
  });

  it('is served while its provider is down, warm and by a vault started meanwhile', async () => {
    const warm = (await (await world.readConnect('ann')).json()) as ConnectToken;
    world.connect.switches.down = true;
    const cold = await launchVault({
      ...world.environment,
      PUBLIC_PORT: String(await freePort()),
    });
    try {
      for (const vault of [...world.vaults, cold]) {
        const answer = await vault.request('/tokens/ann?provider=stitch-connect', {
          key: world.key,
        });
        expect(answer.status).toBe(200);
        expect(await answer.json()).toEqual(warm);
      }
    } finally {
      await cold.stop();
    }
  });

  it('has no scopes: one that is asked for is refused, at the link and at the read', async () => {
    const scopes = ['accounts'];
    const link = await world.post('/authorization-requests', {
      ...{ provider: 'stitch-connect', user_id: 'ben', scopes },
    });
    expect(link.status).toBe(400);
    expect(await link.json()).toMatchObject({ errors: { scopes: [expect.any(String)] } });
    const read = await world.read('ann', '?provider=stitch-connect&scope=accounts');
    expect(read.status).toBe(403);
    expect(await read.json()).toMatchObject({ missing_scopes: scopes });
  });

  it('gives prefill to no provider that has no use for it', async () => {
    const body = { user_id: 'ben', email: 'ben@example.com' };
    const answer = await world.post('/authorization-requests', body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ errors: { email: [expect.any(String)] } });
  });

  it('is nowhere in the clear: not in the database, not in the logs; nor is the code', async () => {
    const needles = [
      ...world.connect.issued,
      { kind: 'partner_secret', value: world.connect.partnerSecret },
    ];
    expect(new Set(needles.map(({ kind }) => kind))).toEqual(
      new Set(['access_token', 'code', 'partner_secret']),
    );
    const logs = world.vaults.map(({ logs: lines }, index) => ({
      name: `log of replica ${String(index)}`,
      text: lines.join(''),
    }));
    expect(findNeedles(needles, [...(await dumpDatabase(world.database)), ...logs])).toEqual([]);
  });
});
