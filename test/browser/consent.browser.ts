import type { Browser } from 'playwright-core';
import { launchChromium, newPhone } from './browser.js';
import type { Phone } from './browser.js';
import { createBrowserWorld } from './browser-world.js';
import type { BrowserWorld } from './browser-world.js';

const CONNECT = 'stitch-connect';

describe('consent, clicked through on a phone', () => {
  let chromium: Browser;
  let links: BrowserWorld;
  let phone: Phone;
  beforeAll(async () => {
    chromium = await launchChromium();
    links = await createBrowserWorld();
  });
  beforeEach(async () => {
    phone = await newPhone(chromium);
  });
  afterEach(async () => {
    await phone.context.close();
    links.world.sandbox.reset();
    links.world.connect.reset();
  });
  afterAll(async () => {
    await links.close();
    await chromium.close();
  });

  const heading = () => phone.page.getByRole('heading', { level: 1 }).textContent();
  /** Clicks what leads to another page, and waits until that is there. */
  const click = async (name: string) => {
    const { page } = phone;
    const here = page.url();
    await page.getByRole('button', { name }).click();
    await page.waitForURL(({ href }) => href !== here);
  };

  it('links a bank account at stitch.money: bank, scopes, grant, done', async () => {
    const { page } = phone;
    const begun = await links.begin({ user_id: 'ann' });
    await page.goto(begun.authorization_url);
    await phone.photograph('1-stitch-money-consent');
    await page.getByRole('combobox', { name: 'Bank' }).selectOption('Capitec');
    await page.getByLabel('Sign in as').fill('Ann');
    await page.getByLabel('balances').uncheck();
    await click('Grant access');
    await page.waitForURL(`${links.publicUrl}/callback/**`);
    expect(await heading()).toBe('Your account is linked');
    await phone.photograph('2-stitch-money-linked');
    expect(await links.status(begun.id)).toBe('completed');
    const token = await links.token('ann');
    expect(token).toMatchObject({ scope: 'openid accounts transactions offline_access' });
    const { access_token } = token as { access_token: string };
    expect(links.world.sandbox.isLive(access_token)).toBe(true);
    // By it alone a reload is shown how the visit ended.
    expect(await phone.context.cookies()).toMatchObject([
      { name: `stitch-end-${begun.id}`, httpOnly: true },
    ]);
    expect(phone.complaints).toEqual([]);
  });

  it('links through the start page, whose cookie comes back from the other site', async () => {
    const begun = await links.begin({ user_id: 'ben' });
    await phone.page.goto(`${links.publicUrl}/authorize/${begun.id}`);
    expect(phone.page.url()).toMatch(links.world.sandbox.url);
    expect(await phone.context.cookies(links.publicUrl)).toMatchObject([
      { name: `stitch-link-${begun.id}`, httpOnly: true, sameSite: 'Lax', path: '/' },
    ]);
    await click('Grant access');
    expect(await heading()).toBe('Your account is linked');
    // By it alone a reload is shown how the visit ended.
    expect(await phone.context.cookies()).toMatchObject([
      { name: `stitch-end-${begun.id}`, httpOnly: true },
    ]);
  });

  it('links an account at stitchdata.com: the form is filled, accept, done', async () => {
    const { page } = phone;
    const person = { email: 'cas@example.com', first_name: 'Cas', company: 'Café & Co' };
    const begun = await links.begin({ user_id: 'cas', provider: CONNECT, ...person });
    await page.goto(begun.authorization_url);
    expect(await page.getByLabel('E-mail').inputValue()).toBe(person.email);
    expect(await page.getByLabel('Company').inputValue()).toBe(person.company);
    await page.getByLabel('Last name').fill('Example');
    await phone.photograph('3-stitch-connect-consent');
    await click('Accept');
    expect(await heading()).toBe('Your account is linked');
    await phone.photograph('4-stitch-connect-linked');
    const token = await links.token('cas', `?provider=${CONNECT}`);
    expect(token).toMatchObject({ expires_at: null });
    expect(links.world.connect.save().accounts.at(-1)).toMatchObject({
      ...person,
      last_name: 'Example',
    });
    // By it alone a reload is shown how the visit ended.
    expect(await phone.context.cookies()).toMatchObject([
      { name: `stitch-end-${begun.id}`, httpOnly: true },
    ]);
    expect(phone.complaints).toEqual([]);
  });

  it('finishes two links at stitchdata.com in two tabs', async () => {
    const second = await phone.context.newPage();
    const tabs = [phone.page, second];
    for (const [index, tab] of tabs.entries()) {
      const wish = { user_id: 'dee', provider: CONNECT, connection: `tab-${String(index)}` };
      await tab.goto((await links.begin(wish)).authorization_url);
    }
    for (const tab of tabs) {
      await tab.getByRole('button', { name: 'Accept' }).click();
      await tab.getByRole('heading', { name: 'Your account is linked' }).waitFor();
    }
    for (const connection of ['tab-0', 'tab-1']) {
      const token = await links.token('dee', `?provider=${CONNECT}&connection=${connection}`);
      expect(token).toMatchObject({ connection });
    }
  });

  it.each([
    ['stitch-money', 'Cancel'],
    [CONNECT, 'Reject'],
  ])('takes no for an answer at %s', async (provider, button) => {
    const begun = await links.begin({ user_id: 'eli', provider });
    await phone.page.goto(begun.authorization_url);
    await click(button);
    expect(await heading()).toBe('Your account was not linked');
    await phone.photograph(`5-declined-${provider}`);
    expect(await links.status(begun.id)).toBe('denied');
    expect(await links.token('eli', `?provider=${provider}`)).toBe(404);
  });

  it('returns to the app that asked, and says how it went', async () => {
    const returnTo = `${links.world.sandbox.url}/`;
    const begun = await links.begin({ user_id: 'flo', return_to: returnTo });
    await phone.page.goto(begun.authorization_url);
    await click('Grant access');
    expect(phone.page.url()).toBe(`${returnTo}?authorization_request=${begun.id}&status=completed`);
  });

  it('does not link again when the user goes back, or loads the last page again', async () => {
    const begun = await links.begin({ user_id: 'gus' });
    await phone.page.goto(begun.authorization_url);
    await click('Grant access');
    await phone.page.reload();
    expect(await heading()).toBe('Your account is linked');
    await phone.photograph('6-reloaded');
    expect(await links.status(begun.id)).toBe('completed');
    expect(links.world.sandbox.stats).toMatchObject({ codeCalls: 1, codeReuseEvents: 0 });
  });

  it('does not let another site start a link unseen: its cookie is not taken', async () => {
    const attackers = await links.begin({ user_id: 'attacker', provider: CONNECT });
    const own = await links.begin({ user_id: 'hal', provider: CONNECT });
    const trap = `${links.world.sandbox.url}/trap`;
    const url = attackers.authorization_url;
    const body = `<img src="${url}"><iframe src="${url}"></iframe><link rel="stylesheet" href="${url}">`;
    await phone.context.route(trap, (route) => route.fulfill({ contentType: 'text/html', body }));
    await phone.page.goto(own.authorization_url);
    const tab = await phone.context.newPage();
    await tab.goto(trap, { waitUntil: 'networkidle' });
    expect(phone.requests.filter((each) => each === url).length).toBeGreaterThanOrEqual(2);
    const names = (await phone.context.cookies(links.publicUrl)).map(({ name }) => name);
    expect(names).toEqual([`stitch-link-${own.id}`]);
    await click('Accept');
    expect(await heading()).toBe('Your account is linked');
    expect(await links.status(own.id)).toBe('completed');
    expect(await links.status(attackers.id)).toBe('pending');
  });

  it('asks nobody but the vault and the provider for anything', async () => {
    const begun = await links.begin({ user_id: 'ivy' });
    await phone.page.goto(begun.authorization_url);
    await click('Grant access');
    const origins = new Set(phone.requests.map((each) => new URL(each).origin));
    expect([...origins].sort()).toEqual([links.publicUrl, links.world.sandbox.url].sort());
  });
});
