import { CookieBrowser } from '../support/cookie-browser.js';
import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectToken, ConnectWorld } from '../support/connect-world.js';
import { requestStatus } from '../support/requests.js';

describe('linking stitch-connect, whose callback carries no state', () => {
  let world: ConnectWorld;
  beforeAll(async () => {
    world = await createConnectWorld();
  });
  afterEach(() => {
    world.connect.reset();
  });
  afterAll(() => world.close());

  const accountOf = (email: string) =>
    world.connect.save().accounts.find((account) => account.email === email);
  const onReplica = (callback: string, replica: number) => {
    const { pathname, search } = new URL(callback);
    return `${world.vaults[replica]?.publicUrl ?? ''}${pathname}${search}`;
  };
  const title = async (answer: Response) => /<h1>(.*)<\/h1>/.exec(await answer.text())?.[1];

  it('links through start page, consent and callback, though each is on another replica', async () => {
    const browser = new CookieBrowser();
    const begun = await world.beginConnect({ user_id: 'ann' });
    const publicUrl = world.environment.PUBLIC_URL ?? '';
    expect(begun.authorization_url).toBe(`${publicUrl}/authorize/${begun.id}`);
    const start = `${world.vaults[1]?.publicUrl ?? ''}/authorize/${begun.id}`;
    const callback = await world.consent(browser, start, { email: 'ann@example.com' });
    expect([...new URL(callback).searchParams.keys()]).toEqual(['code']);
    const answer = await browser.open(callback);
    expect([answer.status, await title(answer)]).toEqual([200, 'Your account is linked']);
    expect((await requestStatus(world, begun.id)).status).toBe('completed');
    const token = (await (await world.readConnect('ann', 1)).json()) as ConnectToken;
    expect(world.connect.isLive(token.access_token)).toBe(true);
    expect(token.stitch_account_id).toBe(accountOf('ann@example.com')?.stitchAccountId);
    // The cookie has done its work and is gone.
    expect([...browser.cookies.keys()]).toEqual([`stitch-end-${begun.id}`]);
  });

  it('fills the sign-up form with what the request brought', async () => {
    const browser = new CookieBrowser();
    const prefill = {
      email: 'zoë+1@example.com',
      first_name: 'Zoë & Co',
      last_name: "O'Neil <b>",
      company: 'A=B?C#D',
    };
    const begun = await world.beginConnect({ user_id: 'zoe', ...prefill });
    expect(begun.authorization_url).not.toContain('example.com');
    // Accepted as it came, without a word typed.
    await browser.open(await world.consent(browser, begun.authorization_url));
    expect(accountOf(prefill.email)).toMatchObject(prefill);
  });

  it('refuses a callback without the cookie, whoever brings the code, and spends no code', async () => {
    const owner = new CookieBrowser();
    const begun = await world.beginConnect({ user_id: 'ben' });
    const callback = await world.consent(owner, begun.authorization_url);
    const [name = ''] = [...owner.cookies.keys()];
    const forger = new CookieBrowser();
    forger.cookies.set(name, 'A'.repeat(43));
    const { tokenCalls } = world.connect.stats;
    for (const other of [new CookieBrowser(), forger]) {
      const answer = await other.open(callback);
      expect([answer.status, await title(answer)]).toEqual([400, 'This link cannot be used']);
    }
    expect(world.connect.stats.tokenCalls).toBe(tokenCalls);
    expect((await requestStatus(world, begun.id)).status).toBe('pending');
    expect((await owner.open(callback)).status).toBe(200);
  });

  it('belongs to every browser that started it, and the first one that returns ends it', async () => {
    const [first, second] = [new CookieBrowser(), new CookieBrowser()];
    const { authorization_url } = await world.beginConnect({ user_id: 'cas' });
    const callback = await world.consent(first, authorization_url);
    await second.follow(authorization_url);
    expect((await first.open(callback)).status).toBe(200);
    expect((await second.open(`${callback}x`)).status).toBe(400);
  });

  it('is over after one callback: shown again to that browser alone, and begun no more', async () => {
    const browser = new CookieBrowser();
    const begun = await world.beginConnect({ user_id: 'dee' });
    const callback = await world.consent(browser, begun.authorization_url);
    const cookies = new Map(browser.cookies);
    expect((await browser.open(callback)).status).toBe(200);
    for (const name of cookies.keys()) expect(browser.cookies.has(name)).toBe(false);
    expect((await browser.open(callback)).status).toBe(200);
    expect((await new CookieBrowser().open(callback)).status).toBe(400);
    const restart = await browser.open(begun.authorization_url);
    expect([restart.status, restart.headers.getSetCookie()]).toEqual([400, []]);
    expect(world.connect.stats.tokenCalls).toBe(1);
  });

  it('exchanges the code once when the callback arrives 20 times at once on both replicas', async () => {
    const browser = new CookieBrowser();
    const { authorization_url } = await world.beginConnect({ user_id: 'eli' });
    const callback = await world.consent(browser, authorization_url);
    const headers = { cookie: browser.header };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        fetch(onReplica(callback, index % 2), { redirect: 'manual', headers }),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 200));
    expect(world.connect.stats.tokenCalls).toBe(1);
    expect((await world.readConnect('eli', 1)).status).toBe(200);
  });

  it.each([
    ['the one started last first', [1, 0]],
    ['the one started first first', [0, 1]],
  ])('finishes two links in two tabs of one browser: %s', async (_, order) => {
    const browser = new CookieBrowser();
    const user = `flo-${order.join('-')}`;
    const connections = ['cheque', 'savings'];
    const started: string[] = [];
    for (const connection of connections) {
      const { authorization_url } = await world.beginConnect({ user_id: user, connection });
      started.push(await browser.follow(authorization_url));
    }
    expect(browser.cookies.size).toBe(2);
    const email = (index: number) => `${user}-${String(index)}@example.com`;
    for (const index of order) {
      const url = started[index] ?? '';
      const callback = await world.connect.consent(url, { email: email(index) });
      expect((await browser.open(callback)).status).toBe(200);
    }
    const accounts: number[] = [];
    for (const connection of connections) {
      const read = await world.read(user, `?provider=stitch-connect&connection=${connection}`);
      accounts.push(((await read.json()) as ConnectToken).stitch_account_id);
    }
    // Nothing in a callback says which tab it is of: the request started last gets it (see
    // docs/linking.md), so that the accounts are those of the tabs when the last tab is first.
    const expected = [0, 1].map((index) => accountOf(email(index))?.stitchAccountId);
    expect(accounts).toEqual(order[0] === 1 ? expected : expected.toReversed());
  });

  it('notes access_denied: 200, denied, no token call, nothing stored', async () => {
    const browser = new CookieBrowser();
    const begun = await world.beginConnect({ user_id: 'gus' });
    const callback = await world.consent(browser, begun.authorization_url, { cancel: true });
    expect(new URL(callback).search).toBe('?error=access_denied');
    const answer = await browser.open(callback);
    expect([answer.status, await title(answer)]).toEqual([200, 'Your account was not linked']);
    expect(await requestStatus(world, begun.id)).toMatchObject({
      status: 'denied',
      error: 'access_denied',
    });
    expect(world.connect.stats.tokenCalls).toBe(0);
    expect((await world.readConnect('gus')).status).toBe(404);
  });
});
