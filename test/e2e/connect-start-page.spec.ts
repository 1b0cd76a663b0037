import { CookieBrowser, parseSetCookie } from '../support/cookie-browser.js';
import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectWorld } from '../support/connect-world.js';
import { begin, requestStatus, visit } from '../support/requests.js';
import { freePort, launchVault } from '../support/vault.js';

const SECRET = /^[A-Za-z0-9_-]{43}$/;

describe('the start page, which ties a request to a browser', () => {
  let world: ConnectWorld;
  beforeAll(async () => {
    world = await createConnectWorld();
  });
  afterAll(() => world.close());

  const startOf = (id: string, replica = 0) =>
    `${world.vaults[replica]?.publicUrl ?? ''}/authorize/${id}`;
  const expire = (id: string) =>
    world.database.query(
      `UPDATE stitch_authorization_requests SET expires_at = expires_at - interval '1 hour'
       WHERE id = $1`,
      [id],
    );

  it('sets a cookie that scripts, other sites and plain subrequests do not get at', async () => {
    const { id, authorization_url } = await world.beginConnect({ user_id: 'ann' });
    const answer = await visit(authorization_url);
    expect(answer.status).toBe(303);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect(answer.headers.get('location')).toMatch(`${world.connect.url}/oauth/authorization?`);
    const [header = '', ...more] = answer.headers.getSetCookie();
    expect(more).toEqual([]);
    expect(parseSetCookie(header)).toEqual({
      name: `stitch-link-${id}`,
      value: expect.stringMatching(SECRET),
      attributes: {
        ...{ path: '/', httponly: '', samesite: 'Lax' },
        // Until the request expires, which is in ten minutes.
        'max-age': expect.stringMatching(/^(59\d|600)$/),
      },
    });
  });

  it('marks it Secure, under a __Host- name and without a Domain, where PUBLIC_URL is https', async () => {
    const port = await freePort();
    const publicUrl = 'https://vault.example.com';
    const environment = { ...world.environment, PUBLIC_URL: publicUrl, PUBLIC_PORT: String(port) };
    world.connect.redirectUris.push(`${publicUrl}/callback/stitch-connect`);
    const behindTls = await launchVault(environment);
    try {
      const body = { provider: 'stitch-connect', user_id: 'ben' };
      const { id, authorization_url } = await begin({ vault: behindTls, key: world.key }, body);
      expect(authorization_url).toBe(`${publicUrl}/authorize/${id}`);
      const browser = new CookieBrowser();
      const started = await browser.open(`${behindTls.publicUrl}/authorize/${id}`);
      const cookie = parseSetCookie(started.headers.getSetCookie()[0] ?? '');
      expect(cookie.name).toBe(`__Host-stitch-link-${id}`);
      expect(Object.keys(cookie.attributes).sort()).toEqual(
        ['httponly', 'max-age', 'path', 'samesite', 'secure'].sort(),
      );
      const callback = await world.connect.consent(started.headers.get('location') ?? '');
      expect(new URL(callback).origin).toBe(publicUrl);
      const arrival = `${behindTls.publicUrl}/callback/stitch-connect${new URL(callback).search}`;
      expect((await browser.open(arrival)).status).toBe(200);
      expect([...browser.cookies.keys()]).toEqual([`__Host-stitch-end-${id}`]);
    } finally {
      await behindTls.stop();
    }
  });

  it('gives every start a secret of its own and keeps only its hash', async () => {
    const { id, authorization_url } = await world.beginConnect({ user_id: 'cas' });
    const values: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const answer = await visit(authorization_url);
      values.push(parseSetCookie(answer.headers.getSetCookie()[0] ?? '').value);
    }
    expect(new Set(values).size).toBe(3);
    const [row] = await world.database.query<{ whole: string }>(
      `SELECT row_to_json(r)::text AS whole FROM stitch_authorization_requests r WHERE id = $1`,
      [id],
    );
    expect(row?.whole).toContain('browser_hash');
    for (const value of values) {
      expect(row?.whole).not.toContain(value);
      expect(row?.whole).not.toContain(Buffer.from(value).toString('hex'));
    }
  });

  it('answers an unknown, a malformed and an expired request alike, and sets no cookie', async () => {
    const { id } = await world.beginConnect({ user_id: 'dee' });
    await expire(id);
    const pages = new Set<string>();
    for (const each of [id, '00000000-0000-4000-8000-000000000000', 'x', id.toUpperCase()]) {
      const answer = await visit(startOf(each, 1));
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([400, []]);
      pages.add(await answer.text());
    }
    expect(pages.size).toBe(1);
    expect((await requestStatus(world, id)).status).toBe('expired');
  });

  it('refuses the callback of a request that has expired since it was started', async () => {
    const browser = new CookieBrowser();
    const { id, authorization_url } = await world.beginConnect({ user_id: 'eli' });
    const callback = await world.consent(browser, authorization_url);
    await expire(id);
    const { tokenCalls } = world.connect.stats;
    expect((await browser.open(callback)).status).toBe(400);
    expect(world.connect.stats.tokenCalls).toBe(tokenCalls);
    expect((await world.readConnect('eli')).status).toBe(404);
  });

  describe('for stitch-money, which has a state of its own', () => {
    it('needs no cookie when the browser was sent to the provider directly', async () => {
      const { authorization_url } = await begin(world, { user_id: 'flo' });
      expect(authorization_url).toMatch(world.sandbox.url);
      const callback = await world.sandbox.consent(authorization_url);
      expect((await visit(callback)).status).toBe(200);
    });

    it('leads to the same consent, and needs the cookie as well as the state once started', async () => {
      const browser = new CookieBrowser();
      const begun = await begin(world, { user_id: 'gus' });
      const provider = await browser.follow(startOf(begun.id, 1));
      expect(provider).toBe(begun.authorization_url);
      const callback = await world.sandbox.consent(provider);
      const withoutState = new URL(callback);
      withoutState.searchParams.delete('state');
      const { codeCalls } = world.sandbox.stats;
      expect((await visit(callback)).status).toBe(400);
      expect((await new CookieBrowser().open(callback)).status).toBe(400);
      expect((await browser.open(withoutState)).status).toBe(400);
      expect(world.sandbox.stats.codeCalls).toBe(codeCalls);
      expect((await browser.open(callback)).status).toBe(200);
      expect((await world.read('gus')).status).toBe(200);
    });

    it('does not take the cookie of one request for another', async () => {
      const [mine, theirs] = [new CookieBrowser(), new CookieBrowser()];
      const mineBegun = await begin(world, { user_id: 'hal' });
      const theirsBegun = await begin(world, { user_id: 'ivy' });
      await mine.follow(startOf(mineBegun.id));
      const callback = await world.sandbox.consent(await theirs.follow(startOf(theirsBegun.id)));
      expect((await mine.open(callback)).status).toBe(400);
      expect((await requestStatus(world, mineBegun.id)).status).toBe('pending');
      expect((await theirs.open(callback)).status).toBe(200);
    });
  });
});
