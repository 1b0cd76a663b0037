import { startStitchMoney } from './index.js';
import type { StitchMoneySandbox } from './index.js';
import { challengeOf } from './codes.js';
import { MoneyClient, TestClock, answerOf, postForm, random43 } from '../testing/client.js';

describe('stitch.money /connect/token with a code', () => {
  const clock = new TestClock();
  let server: StitchMoneySandbox;
  let client: MoneyClient;

  beforeAll(async () => {
    server = await startStitchMoney({ now: clock.now, clientSecrets: ['new', 'old'] });
  });
  beforeEach(() => {
    server.reset();
    client = new MoneyClient(server);
  });
  afterAll(() => server.close());

  it('computes the challenge of the sample verifier in S3', () => {
    const challenge = challengeOf('chy0EHtabciY0kjRzCDr113O2slAa-xY_zvdApkXxvw');
    expect(challenge).toBe('FVF6VCwYJ_XljGdLXVjxs6g-_QRh4_CDutLOf_oIzPw');
  });

  it('answers with the members of S3, 900 seconds, and no-store', async () => {
    const { status, json } = await client.exchange(await client.code());
    expect(status).toBe(200);
    expect(json).toEqual({
      id_token: expect.stringMatching(/^ey/) as string,
      access_token: expect.stringMatching(/^[\w-]{43}$/) as string,
      expires_in: 900,
      token_type: 'Bearer',
      refresh_token: expect.stringMatching(/^[\w-]{43}$/) as string,
      scope: 'openid accounts balances transactions offline_access',
    });
  });

  it('gives no refresh token without offline_access (S3)', async () => {
    const { json } = await client.exchange(await client.code({ untick: ['offline_access'] }));
    expect(json).not.toHaveProperty('refresh_token');
    expect(json.scope).toBe('openid accounts balances transactions');
  });

  it('takes every configured client secret', async () => {
    for (const client_secret of ['new', 'old']) {
      const { status } = await client.exchange(await client.code(), { client_secret });
      expect(status).toBe(200);
    }
  });

  it.each<[string, Record<string, string>]>([
    ['a wrong secret', { client_secret: 'wrong' }],
    ['a wrong client_id', { client_id: 'someone-else' }],
  ])('refuses %s: 400 invalid_client, and the code stays good (I)', async (_, change) => {
    const code = await client.code();
    const refused = await client.exchange(code, change);
    expect([refused.status, refused.json]).toEqual([400, { error: 'invalid_client' }]);
    expect((await client.exchange(code)).status).toBe(200);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['another redirect_uri', { redirect_uri: 'http://127.0.0.1:3001/x' }, /redirect_uri is/],
    ['no redirect_uri', { redirect_uri: '' }, /redirect_uri is/],
    ['another verifier', { code_verifier: random43() }, /SHA-256 of code_verifier/],
    ['no verifier', { code_verifier: '' }, /43 to 128/],
    ['a verifier of 42 characters', { code_verifier: 'x'.repeat(42) }, /43 to 128/],
    ['a verifier of 129 characters', { code_verifier: 'x'.repeat(129) }, /43 to 128/],
    ['a verifier with a +', { code_verifier: `${'x'.repeat(42)}+` }, /43 to 128/],
  ])('refuses %s: 400 invalid_grant, and burns the code (I)', async (_, change, rule) => {
    const code = await client.code();
    const refused = await client.exchange(code, change);
    expect([refused.status, refused.json]).toEqual([400, { error: 'invalid_grant' }]);
    expect(refused.rule).toMatch(rule);
    const again = await client.exchange(code);
    expect(again.json).toEqual({ error: 'invalid_grant' });
    expect(again.rule).toMatch(/works once/);
  });

  it('takes a code once, and a second use ends what came of the first (RFC 6749 4.1.2)', async () => {
    const code = await client.code();
    const { json } = await client.exchange(code);
    expect(server.isLive(String(json.access_token))).toBe(true);
    expect((await client.exchange(code)).json).toEqual({ error: 'invalid_grant' });
    expect(server.isLive(String(json.access_token))).toBe(false);
    expect(server.stats.codeReuseEvents).toBe(1);
  });

  it('takes a code for 300 seconds (I)', async () => {
    const [inTime, late] = [await client.code(), await client.code()];
    clock.advance(299);
    expect((await client.exchange(inTime)).status).toBe(200);
    clock.advance(1);
    const refused = await client.exchange(late);
    expect([refused.status, refused.json]).toEqual([400, { error: 'invalid_grant' }]);
    expect(refused.rule).toMatch(/300 seconds/);
  });

  it('takes a form only (S3)', async () => {
    const refused = await answerOf(
      await fetch(`${server.url}/connect/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ grant_type: 'authorization_code' }),
      }),
    );
    expect([refused.status, refused.json]).toEqual([400, { error: 'invalid_request' }]);
    expect(refused.rule).toMatch(/x-www-form-urlencoded/);
  });

  it('refuses a parameter sent twice, and the code stays good (RFC 6749 section 3.2)', async () => {
    const code = await client.code();
    const response = await fetch(`${server.url}/connect/token`, {
      method: 'POST',
      body: new URLSearchParams([
        ['code', code],
        ['code', code],
      ]),
    });
    const refused = await answerOf(response);
    expect([refused.status, refused.json]).toEqual([400, { error: 'invalid_request' }]);
    expect(refused.rule).toMatch(/more than once/);
    expect((await client.exchange(code)).status).toBe(200);
  });

  it('refuses any other grant type', async () => {
    const { status, json } = await client.token({ grant_type: 'password' });
    expect([status, json]).toEqual([400, { error: 'unsupported_grant_type' }]);
    const without = await postForm(`${server.url}/connect/token`, { code: 'x' });
    expect(without.json).toEqual({ error: 'invalid_request' });
  });
});
