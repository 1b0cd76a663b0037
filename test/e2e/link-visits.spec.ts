import { freePort, launchVault } from '../support/vault.js';
import { CookieBrowser } from '../support/cookie-browser.js';
import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectWorld } from '../support/connect-world.js';
import { begin, postRequest, requestStatus, visit } from '../support/requests.js';
import { eventually } from '../support/wait.js';

const RETURN_TO = 'https://app.example.com/linked?sig=a%2Fb+c&x=1#top';

describe('visits of a link: looks ahead, scanners, reloads', () => {
  let world: ConnectWorld;
  beforeAll(async () => {
    world = await createConnectWorld({
      environment: {
        RETURN_URL_ALLOWLIST: 'https://app.example.com,com.example.app:/linked,myapp://linked',
      },
    });
  });
  afterEach(() => {
    world.sandbox.reset();
  });
  afterAll(() => world.close());

  const startOf = (id: string, replica = 0) =>
    `${world.vaults[replica]?.publicUrl ?? ''}/authorize/${id}`;
  const onReplica = (url: string, replica: number) => {
    const { pathname, search } = new URL(url);
    return `${world.vaults[replica]?.publicUrl ?? ''}${pathname}${search}`;
  };

  it.each([
    ['sec-purpose', 'prefetch'],
    ['sec-purpose', 'prefetch;prerender'],
    ['purpose', 'prefetch'],
    ['x-moz', 'prefetch'],
    ['x-purpose', 'preview'],
  ])('spends nothing and shows nothing to a look ahead: %s: %s', async (name, value) => {
    const begun = await begin(world, { user_id: 'ann' });
    const callback = await world.sandbox.consent(begun.authorization_url);
    for (const url of [startOf(begun.id), callback]) {
      const answer = await fetch(url, { redirect: 'manual', headers: { [name]: value } });
      expect([answer.status, await answer.text()]).toEqual([403, '']);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('vary')).toContain('Sec-Purpose');
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    expect((await fetch(callback, { method: 'HEAD' })).status).toBe(404);
    expect((await visit(callback)).status).toBe(200);
  });

  it('lets whoever began finish, though a scanner opened the start page in between', async () => {
    const [user, scanner] = [new CookieBrowser(), new CookieBrowser()];
    const { id } = await begin(world, { user_id: 'ben' });
    const callback = await world.sandbox.consent(await user.follow(startOf(id)));
    await scanner.follow(startOf(id, 1));
    expect((await user.open(onReplica(callback, 1))).status).toBe(200);
    expect((await scanner.open(callback)).status).toBe(400);
  });

  it('shows the details of the sign-up form to the first browser alone', async () => {
    const [user, other] = [new CookieBrowser(), new CookieBrowser()];
    const { authorization_url } = await world.beginConnect({
      user_id: 'cas',
      email: 'cas@example.com',
    });
    expect(await user.follow(authorization_url)).toContain('cas%40example.com');
    expect(await other.follow(authorization_url)).not.toContain('example.com');
    expect(await user.follow(authorization_url)).toContain('cas%40example.com');
  });

  it('sends the browser that made it to return_to again on a reload, and no other one', async () => {
    const browser = new CookieBrowser();
    const begun = await begin(world, { user_id: 'dee', return_to: RETURN_TO });
    const callback = await world.sandbox.consent(begun.authorization_url);
    const expected =
      'https://app.example.com/linked?sig=a%2Fb+c&x=1' +
      `&authorization_request=${begun.id}&status=completed#top`;
    for (const replica of [0, 1, 0]) {
      expect(await browser.follow(onReplica(callback, replica))).toBe(expected);
    }
    expect((await new CookieBrowser().open(callback)).status).toBe(400);
    expect((await browser.open(callback.replace('code=', 'code=x'))).status).toBe(400);
    expect(world.sandbox.stats.codeCalls).toBe(1);
  });

  it('ends a second visit during a slow exchange as the first one ends', async () => {
    world.sandbox.switches.latencyMs = 700;
    const begun = await begin(world, { user_id: 'eli', return_to: RETURN_TO });
    const callback = await world.sandbox.consent(begun.authorization_url);
    const first = visit(callback);
    await eventually('the code is being exchanged', () => world.sandbox.stats.codeCalls === 1);
    const second = await visit(onReplica(callback, 1));
    expect(second.status).toBe(303);
    expect(second.headers.get('location')).toBe((await first).headers.get('location'));
    expect(world.sandbox.stats.codeCalls).toBe(1);
  });

  it('does not take another open link of the browser when an answer without a state is reloaded', async () => {
    const browser = new CookieBrowser();
    const [one, two] = [
      await world.beginConnect({ user_id: 'flo', connection: 'one' }),
      await world.beginConnect({ user_id: 'flo', connection: 'two' }),
    ];
    await browser.follow(one.authorization_url);
    const callback = await world.consent(browser, two.authorization_url);
    for (const replica of [0, 1]) {
      expect((await browser.open(onReplica(callback, replica))).status).toBe(200);
    }
    expect((await requestStatus(world, one.id)).status).toBe('pending');
    expect((await requestStatus(world, two.id)).status).toBe('completed');
  });

  it.each([
    ['503', 1],
    ['429', 2],
    ['drop_before', 1],
  ] as const)('sends the code again after a blip: %s', async (fault, faultCount) => {
    Object.assign(world.sandbox.switches, { tokenFault: fault, faultCount, faultOn: 'code' });
    const { authorization_url } = await begin(world, { user_id: `gus-${fault}` });
    expect((await visit(await world.sandbox.consent(authorization_url))).status).toBe(200);
  });

  it('takes a mangled answer for no refusal of the user', async () => {
    const begun = await begin(world, { user_id: 'hal' });
    const callback = await world.sandbox.consent(begun.authorization_url);
    const { origin, pathname, searchParams } = new URL(callback);
    const state = searchParams.get('state') ?? '';
    expect((await visit(`${origin}${pathname}?state=${state}&amp;code=x`)).status).toBe(400);
    expect((await requestStatus(world, begun.id)).status).toBe('pending');
    const browser = new CookieBrowser();
    const connect = await world.beginConnect({ user_id: 'hal' });
    const returned = new URL(await world.consent(browser, connect.authorization_url));
    expect((await browser.open(`${returned.origin}${returned.pathname}`)).status).toBe(400);
    expect((await browser.open(returned)).status).toBe(200);
  });

  it.each([
    ['https://app.example.com/?status=x', 400],
    ['https://app.example.com/?a=1&authorization_request=x', 400],
    ['myapp://linked', 201],
    ['com.example.app:/linked', 201],
    ['com.example.app:/other', 400],
    ['myapp://linked/', 400],
    ['javascript:alert(1)', 400],
  ])('return_to %s: %i', async (returnTo, status) => {
    const answer = await postRequest(world, { user_id: 'ivy', return_to: returnTo });
    expect(answer.status).toBe(status);
  });

  it('returns to an app by its own scheme', async () => {
    const begun = await begin(world, { user_id: 'joe', return_to: 'com.example.app:/linked' });
    const answer = await visit(await world.sandbox.consent(begun.authorization_url));
    expect(answer.headers.get('location')).toBe(
      `com.example.app:/linked?authorization_request=${begun.id}&status=completed`,
    );
  });

  it('says whether a link can be refreshed, and lists the links of a user to an operator', async () => {
    const first = await begin(world, { user_id: 'kim' });
    await visit(await world.sandbox.consent(first.authorization_url));
    const second = await begin(world, { user_id: 'kim', scopes: ['openid', 'accounts'] });
    await visit(await world.sandbox.consent(second.authorization_url));
    const answer = await world.vault.request('/authorization-requests?user_id=kim', {
      key: world.key,
    });
    const { items } = (await answer.json()) as { items: { id: string; refreshable: boolean }[] };
    expect(items.map(({ id, refreshable }) => [id, refreshable])).toEqual([
      [second.id, false],
      [first.id, true],
    ]);
  });

  it('answers below the path of PUBLIC_URL, whether or not a proxy strips it, for both providers', async () => {
    const port = await freePort();
    const base = `http://127.0.0.1:${String(port)}`;
    const PUBLIC_URL = `${base}/bank/vault`;
    const vault = await launchVault({
      ...world.environment,
      PUBLIC_URL,
      PUBLIC_PORT: String(port),
    });
    world.sandbox.switches.latencyMs = 0;
    world.connect.redirectUris.push(`${PUBLIC_URL}/callback/stitch-connect`);
    try {
      for (const strip of [false, true]) {
        const sent = (url: string) => (strip ? url.replace('/bank/vault/', '/') : url);
        const browser = new CookieBrowser();
        const user_id = `lea-${String(strip)}`;
        const { authorization_url } = await begin(
          { vault, key: world.key },
          { provider: 'stitch-connect', user_id },
        );
        expect(authorization_url).toMatch(`${PUBLIC_URL}/authorize/`);
        const callback = await world.connect.consent(await browser.follow(sent(authorization_url)));
        expect(callback).toMatch(`${PUBLIC_URL}/callback/stitch-connect?`);
        expect((await browser.open(sent(callback))).status).toBe(200);
      }
      expect((await visit(`${PUBLIC_URL}/health/live`)).status).toBe(404);
    } finally {
      await vault.stop();
    }
  });
});

describe('LINK_SAME_BROWSER', () => {
  let world: ConnectWorld;
  beforeAll(async () => {
    world = await createConnectWorld({ environment: { LINK_SAME_BROWSER: 'true' } });
  });
  afterAll(() => world.close());

  it('has every link begin at the vault and end in the browser that began it', async () => {
    const [victim, mallory] = [new CookieBrowser(), new CookieBrowser()];
    const begun = await begin(world, { user_id: 'mallory' });
    expect(begun.authorization_url).toBe(`${world.environment.PUBLIC_URL}/authorize/${begun.id}`);
    const callback = await world.sandbox.consent(await mallory.follow(begun.authorization_url));
    for (const browser of [victim, new CookieBrowser()]) {
      expect((await browser.open(callback)).status).toBe(400);
    }
    expect(world.sandbox.stats.codeCalls).toBe(0);
    expect((await requestStatus(world, begun.id)).status).toBe('pending');
    expect((await mallory.open(callback)).status).toBe(200);
    expect((await mallory.open(callback)).status).toBe(200);
    expect((await victim.open(callback)).status).toBe(400);
  });

  it('refuses a callback of a request that no browser began', async () => {
    const { id } = await begin(world, { user_id: 'nan' });
    const [row] = await world.database.query<{ stitch_state: string }>(
      'SELECT stitch_state FROM stitch_authorization_requests WHERE id = $1',
      [id],
    );
    const url = `${world.vault.publicUrl}/callback/stitch-money?code=x&state=${row?.stitch_state ?? ''}`;
    expect((await visit(url)).status).toBe(400);
    expect((await requestStatus(world, id)).status).toBe('pending');
  });
});
