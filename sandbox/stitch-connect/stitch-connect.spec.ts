import { startStitchConnect } from './index.js';
import type { StitchConnectSandbox } from './index.js';
import { TestClock, answerOf, postForm, postJson } from '../testing/client.js';
import type { ConnectFault } from './switches.js';

const FIRST = 'http://127.0.0.1:3001/callback/stitch-connect';
const SECOND = 'http://127.0.0.1:3001/second';

describe('stitchdata.com', () => {
  const clock = new TestClock();
  let server: StitchConnectSandbox;
  let serial = 0;

  beforeAll(async () => {
    server = await startStitchConnect({ now: clock.now, redirectUris: [FIRST, SECOND] });
  });
  beforeEach(() => {
    server.reset();
    serial += 1;
  });
  afterAll(() => server.close());

  const authorizationUrl = (query: Record<string, string> = {}) =>
    `${server.url}/oauth/authorization?${new URLSearchParams({ client_id: server.partnerId, ...query }).toString()}`;
  const consent = async (query?: Record<string, string>) =>
    new URL(await server.consent(authorizationUrl(query), { email: `u${serial}@example.com` }));
  const code = async () => (await consent()).searchParams.get('code') ?? '';
  const exchange = (value: string, change = {}) =>
    postForm(`${server.url}/oauth/token`, {
      client_secret: server.partnerSecret,
      code: value,
      grant_type: 'authorization_code',
      ...change,
    });
  const sources = async (bearer: string) => {
    const headers = { authorization: `Bearer ${bearer}` };
    return answerOf(await fetch(`${server.url}/v4/sources`, { headers }));
  };
  const newAccount = (change = {}) =>
    postJson(`${server.url}/v3/accounts`, {
      partner_id: server.partnerId,
      partner_secret: server.partnerSecret,
      first_name: 'Ada',
      last_name: 'Example',
      company: 'Example Ltd',
      email: `new${serial}@example.com`,
      ...change,
    });

  describe('/oauth/authorization', () => {
    it('fills in what the link brings, escaped (S1)', async () => {
      const url = authorizationUrl({ email: 'a@example.com', company: '"><b>' });
      const text = await (await fetch(url)).text();
      expect(text).toContain('value="a@example.com"');
      expect(text).not.toContain('<b>');
    });

    it.each<[string, Record<string, string>, RegExp]>([
      ['an unknown client_id', { client_id: 'oc_other' }, /partner id/],
      ['an address that is not registered', { redirect_uri: `${FIRST}/x` }, /registered/],
    ])('refuses %s with a page (S1)', async (_, query, rule) => {
      const refused = await answerOf(await fetch(authorizationUrl(query), { redirect: 'manual' }));
      expect(refused.status).toBe(400);
      expect(refused.rule).toMatch(rule);
    });

    it('goes to the address asked for, or to the first registered one (S1)', async () => {
      expect((await consent({ redirect_uri: SECOND })).href).toMatch(new RegExp(`^${SECOND}\\?`));
      expect((await consent()).href).toMatch(new RegExp(`^${FIRST}\\?`));
    });

    it('brings a code and nothing else: state is dropped', async () => {
      const back = await consent({ state: 'my-state', redirect_uri: FIRST });
      expect([...back.searchParams.keys()]).toEqual(['code']);
    });

    it('brings error=access_denied when the user rejects (S0)', async () => {
      const back = await server.consent(authorizationUrl({ state: 'x' }), { cancel: true });
      expect(back).toBe(`${FIRST}?error=access_denied`);
    });
  });

  describe('/oauth/token', () => {
    it('gives token_type bearer in lower case, a token and a numeric account id (S0)', async () => {
      const { status, json } = await exchange(await code());
      expect(status).toBe(200);
      expect(json).toEqual({
        token_type: 'bearer',
        access_token: expect.stringMatching(/^ac_/) as string,
        stitch_account_id: expect.any(Number) as number,
      });
    });

    it('gives the same account for the same address, another token each time', async () => {
      const [one, two] = [await exchange(await code()), await exchange(await code())];
      expect(two.json.stitch_account_id).toBe(one.json.stitch_account_id);
      expect(two.json.access_token).not.toBe(one.json.access_token);
    });

    it('takes a code once (S0)', async () => {
      const value = await code();
      expect((await exchange(value)).status).toBe(200);
      const again = await exchange(value);
      expect([again.status, again.json]).toEqual([400, { error: 'invalid_grant' }]);
    });

    it('takes a code for five minutes (S0)', async () => {
      const [inTime, late] = [await code(), await code()];
      clock.advance(299);
      expect((await exchange(inTime)).status).toBe(200);
      clock.advance(1);
      expect((await exchange(late)).rule).toMatch(/five minutes/);
    });

    it.each<[string, Record<string, string>, string]>([
      ['a wrong secret', { client_secret: 'wrong' }, 'invalid_client'],
      ['no secret', { client_secret: '' }, 'invalid_request'],
      ['another grant type', { grant_type: 'refresh_token' }, 'unsupported_grant_type'],
    ])('refuses %s', async (_, change, error) => {
      const { status, json } = await exchange(await code(), change);
      expect([status, json]).toEqual([400, { error }]);
    });
  });

  describe('/v3/accounts', () => {
    it('makes an account and its token (S0)', async () => {
      const { status, json } = await newAccount();
      expect(status).toBe(200);
      expect(json).toEqual({
        access_token: expect.stringMatching(/^ac_/) as string,
        stitch_account_id: expect.any(Number) as number,
      });
      expect(server.isLive(String(json.access_token))).toBe(true);
    });

    it('answers ExistingUser for an address it knows, whatever its case (P)', async () => {
      await newAccount();
      const { status, json } = await newAccount({ email: `NEW${serial}@example.com` });
      expect(status).toBe(400);
      expect(json.code).toBe('ExistingUser');
    });

    it.each<[string, Record<string, unknown>, Record<string, string>]>([
      ['a missing partner_id', { partner_id: undefined }, { partner_id: 'required' }],
      ['a wrong partner_id', { partner_id: 'oc_other' }, { partner_id: 'invalid' }],
      ['a wrong secret', { partner_secret: 'wrong' }, { partner_secret: 'invalid' }],
      ['an empty company', { company: '' }, { company: 'required' }],
      ['an address without @', { email: 'nobody' }, { email: 'invalid' }],
      ['an unknown region', { region: 'mars-1' }, { region: 'invalid' }],
    ])('answers BadRequest, by field, for %s (P)', async (_, change, errors) => {
      const { status, json } = await newAccount(change);
      expect(status).toBe(400);
      expect(json).toEqual({ code: 'BadRequest', message: 'Invalid form data.', errors });
    });

    it('wants a region only when told to (P)', async () => {
      server.switches.regionRequired = true;
      expect((await newAccount()).json.errors).toEqual({ region: 'required' });
      expect((await newAccount({ region: 'eu-central-1' })).status).toBe(200);
    });
  });

  describe('with a bearer', () => {
    it('lists sources with a good token, 401 without, 405 for POST (S1, S2)', async () => {
      const { accessToken } = server.mint();
      expect((await sources(accessToken)).text).toBe('[]');
      expect((await sources('ac_unknown')).status).toBe(401);
      expect((await fetch(`${server.url}/v4/sources`)).status).toBe(401);
      expect((await postJson(`${server.url}/v4/sources`, {}, accessToken)).status).toBe(405);
    });

    it('never lets a token expire (S2)', async () => {
      const { accessToken } = server.mint();
      clock.advance(10 * 365 * 24 * 3600);
      expect((await sources(accessToken)).status).toBe(200);
    });

    it('gives ephemeral tokens that are good for an hour (S2)', async () => {
      const url = `${server.url}/v3/sessions/ephemeral`;
      expect((await postJson(url, {}, 'ac_unknown')).status).toBe(401);
      const { json } = await postJson(url, {}, server.mint().accessToken);
      const token = String(json.ephemeral_token);
      clock.advance(3599);
      expect(server.isEphemeralLive(token)).toBe(true);
      clock.advance(1);
      expect(server.isEphemeralLive(token)).toBe(false);
    });

    it('answers 401 while the user has the token turned off, and not after (S2, P)', async () => {
      const { accessToken } = server.mint();
      expect(server.revokeToken(accessToken)).toBe(true);
      expect((await sources(accessToken)).status).toBe(401);
      expect(server.enableToken(accessToken)).toBe(true);
      expect((await sources(accessToken)).status).toBe(200);
      expect(server.revokeToken('ac_unknown')).toBe(false);
    });

    it('has a page whose buttons turn a token off and on', async () => {
      const { accessToken } = server.mint({ email: `page${serial}@example.com` });
      const text = await (await fetch(`${server.url}/account`)).text();
      expect(text).not.toContain(accessToken);
      const token = [...text.matchAll(/name="token" value="([^"]+)"/g)].at(-1)?.[1] ?? '';
      await postForm(`${server.url}/account`, { token, action: 'revoke' });
      expect(server.isLive(accessToken)).toBe(false);
      await postForm(`${server.url}/account`, { token, action: 'enable' });
      expect(server.isLive(accessToken)).toBe(true);
    });
  });

  describe('faults', () => {
    it.each(['401', '429', '500', '503'] as const)(
      '%s answers so, with Retry-After',
      async (it) => {
        Object.assign(server.switches, { fault: it, retryAfter: 3 });
        const response = await fetch(`${server.url}/v4/sources`);
        expect([response.status, response.headers.get('retry-after')]).toEqual([Number(it), '3']);
      },
    );

    it.each<[ConnectFault, number]>([
      ['drop_before', 200],
      ['drop_after', 400],
    ])('%s cuts the connection; the code then answers %i', async (fault, status) => {
      const value = await code();
      server.switches.fault = fault;
      await expect(exchange(value)).rejects.toThrow('fetch failed');
      server.switches.fault = 'none';
      expect((await exchange(value)).status).toBe(status);
    });

    it('malformed answers 200 with half a body', async () => {
      server.switches.fault = 'malformed';
      await expect(newAccount()).rejects.toThrow(SyntaxError);
    });

    it('strikes the calls of faultOn, faultCount times', async () => {
      Object.assign(server.switches, { fault: '500', faultOn: 'accounts', faultCount: 1 });
      expect((await sources(server.mint().accessToken)).status).toBe(200);
      expect((await newAccount()).status).toBe(500);
      expect((await newAccount()).status).toBe(200);
      expect(server.stats).toMatchObject({ accountCalls: 2, sourceCalls: 1, faults: 1 });
    });
  });

  it('goes on where a saved server stopped, without having kept a token in the clear', async () => {
    const { accessToken, stitchAccountId } = server.mint({ email: 'kept@example.com' });
    const text = JSON.stringify(server.save());
    for (const { value } of server.issued) expect(text).not.toContain(value);
    const saved = JSON.parse(text) as ReturnType<StitchConnectSandbox['save']>;
    const next = await startStitchConnect({ saved });
    try {
      expect(next.isLive(accessToken)).toBe(true);
      expect(next.mint({ email: 'kept@example.com' }).stitchAccountId).toBe(stitchAccountId);
    } finally {
      await next.close();
    }
  });
});
