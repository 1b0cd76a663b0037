import { PROVIDERS } from '../../src/providers/index.js';
import { grantLife } from '../support/connect-world.js';
import { CookieBrowser } from '../support/cookie-browser.js';
import { begin, postRequest, requestStatus } from '../support/requests.js';
import { acmeProvider } from '../support/third-provider/provider.js';
import { startAcme } from '../support/third-provider/server.js';
import type { AcmeServer } from '../support/third-provider/server.js';
import { freePort, launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

const ACME = 'acme-ledger';

describe('a third provider, added by a folder and a line in the table', () => {
  let world: World;
  let acme: AcmeServer;
  beforeAll(async () => {
    acme = await startAcme();
    world = await createWorld({
      replicas: 2,
      environment: { REFRESH_POLICY: 'on-demand' },
      providers: [...PROVIDERS, acmeProvider(acme)],
    });
  });
  afterAll(async () => {
    await world.close();
    await acme.close();
  });

  const link = async (user: string, body: object = {}) => {
    const browser = new CookieBrowser();
    const begun = await begin(world, { user_id: user, provider: ACME, ...body });
    const start = `${world.vaults[1]?.publicUrl ?? ''}/authorize/${begun.id}`;
    const callback = await browser.follow(await browser.follow(start));
    return { begun, browser, callback, answer: await browser.open(callback) };
  };
  const read = (user: string, replica = 0, query = '') =>
    world.read(user, `?provider=${ACME}${query}`, replica);
  const token = async (user: string, replica = 0) =>
    (await (await read(user, replica)).json()) as TokenAnswer;
  const report = (user: string, version: number, replica: number) =>
    world.vaults[replica]!.request(`/tokens/${user}/rejections`, {
      key: world.key,
      method: 'POST',
      body: JSON.stringify({ version, provider: ACME }),
    });

  it('links, with PKCE and its own default scopes, and serves on every replica', async () => {
    const { begun, answer } = await link('ann');
    expect(begun.authorization_url).toMatch(`${acme.url}/authorize?`);
    expect(answer.status).toBe(200);
    expect((await requestStatus(world, begun.id)).status).toBe('completed');
    for (const replica of [0, 1]) {
      const served = await token('ann', replica);
      expect(served).toMatchObject({ provider: ACME, scope: 'ledger:read', version: 1 });
      expect(served.expires_in).toBeGreaterThan(290);
      expect(acme.isLive(served.access_token)).toBe(true);
    }
    expect((await read('ann', 0, '&scope=ledger:write')).status).toBe(403);
    expect((await world.read('ann')).status).toBe(404);
  });

  it('takes a code once, for the browser that started', async () => {
    const { browser, callback } = await link('ben', { scopes: ['ledger:read', 'ledger:write'] });
    const codes = acme.stats.codes;
    // A reload shows the browser that made the visit how it ended; the code is not taken again.
    expect((await browser.open(callback)).status).toBe(200);
    expect((await new CookieBrowser().open(callback)).status).toBe(400);
    expect((await token('ben')).scope).toBe('ledger:read ledger:write');
    const begun = await begin(world, { user_id: 'ben', provider: ACME });
    const start = `${world.vault.publicUrl}/authorize/${begun.id}`;
    const stolen = await browser.follow(await browser.follow(start));
    expect((await new CookieBrowser().open(stolen)).status).toBe(400);
    expect(acme.stats.codes).toBe(codes);
  });

  it('rotates a stale token once for 20 readers, and a rejected one for 20 reports', async () => {
    await link('cas');
    await world.age('cas', 290);
    const before = acme.stats.refreshes;
    const users = Array.from({ length: 20 }, (_, index) => index % 2);
    const stale = await Promise.all(users.map((replica) => token('cas', replica)));
    expect(new Set(stale.map(({ version }) => version))).toEqual(new Set([2]));
    expect(acme.stats.refreshes - before).toBe(1);
    const reports = await Promise.all(users.map((replica) => report('cas', 2, replica)));
    expect(reports.map(({ status }) => status)).toEqual(reports.map(() => 200));
    expect(acme.stats).toMatchObject({ refreshes: before + 2, reuses: 0 });
    const now = await token('cas', 1);
    expect([now.version, acme.isLive(now.access_token)]).toEqual([3, true]);
  });

  it('is kept fresh by the schedule, as any other', async () => {
    await link('dee');
    const port = String(await freePort());
    const all = { REFRESH_POLICY: 'all', REFRESH_INTERVAL: '1', PUBLIC_PORT: port };
    const vault = await launchVault({ ...world.environment, ...all }, [acmeProvider(acme)]);
    try {
      await world.database.query(
        `UPDATE stitch_grants SET refresh_due_at = now() WHERE user_id = 'dee'`,
      );
      await eventually('it is rotated', async () => {
        const { version } = await grantLife(world, 'dee', ACME);
        return version === 2;
      });
    } finally {
      await vault.stop();
    }
  });

  it('is deleted without a word to the provider, which can revoke nothing: nothing is left', async () => {
    await link('eli');
    const path = `/tokens/eli?provider=${ACME}`;
    const { status } = await world.vault.request(path, { key: world.key, method: 'DELETE' });
    expect(status).toBe(204);
    expect((await read('eli')).status).toBe(404);
    await eventually('the outbox is empty', async () => {
      const rows = await world.database.query('SELECT 1 FROM stitch_revocations');
      return rows.length === 0;
    });
  });

  it('is unknown where the table does not have it, and off where it is not configured', async () => {
    for (const providers of [PROVIDERS, [...PROVIDERS, acmeProvider(undefined)]]) {
      const port = String(await freePort());
      const vault = await launchVault({ ...world.environment, PUBLIC_PORT: port }, providers);
      try {
        const answer = await postRequest(
          { vault, key: world.key },
          { user_id: 'fay', provider: ACME },
        );
        expect(answer.status).toBe(400);
        expect(await answer.json()).toMatchObject({ errors: { provider: [expect.any(String)] } });
        const callback = await fetch(`${vault.publicUrl}/callback/${ACME}?code=x&state=y`);
        expect(callback.status).toBe(404);
      } finally {
        await vault.stop();
      }
    }
  });
});
