import { startStitchMoney } from './index.js';
import type { StitchMoneySandbox } from './index.js';
import { MoneyClient, TestClock, answerOf, postForm, postJson } from '../testing/client.js';

describe('stitch.money API, revocation, discovery and controls', () => {
  const clock = new TestClock();
  let server: StitchMoneySandbox;
  let client: MoneyClient;

  beforeAll(async () => {
    server = await startStitchMoney({ now: clock.now });
  });
  beforeEach(() => {
    server.reset();
    client = new MoneyClient(server);
  });
  afterAll(() => server.close());

  const revoke = (token: string, change = {}) => {
    const { clientId: client_id, clientSecret: client_secret } = server;
    const form = { client_id, client_secret, token, token_type_hint: 'refresh_token', ...change };
    return postForm(`${server.url}/connect/revocation`, form);
  };

  it('answers /graphql with bank accounts for a live token', async () => {
    const { accessToken, sub } = server.mint();
    const { status, json } = await postJson(
      `${server.url}/graphql`,
      { query: '{ user }' },
      accessToken,
    );
    expect(status).toBe(200);
    expect(json.data).toMatchObject({ user: { id: sub, bankAccounts: [{}, {}] } });
  });

  it('answers /graphql 401 UNAUTHENTICATED for a missing, unknown, expired or revoked token (P)', async () => {
    const [expired, revoked] = [server.mint(), server.mint()];
    server.revokeGrantOf(revoked.refreshToken);
    const missing = await postJson(`${server.url}/graphql`, {});
    expect(missing.status).toBe(401);
    expect(missing.json).toEqual({
      errors: [{ message: expect.stringMatching(/^UNAUTHENTICATED: /) as string }],
      extensions: { code: 'UNAUTHENTICATED' },
    });
    expect(await client.callApi('unknown')).toBe(401);
    expect(await client.callApi(revoked.accessToken)).toBe(401);
    expect(await client.callApi(expired.accessToken)).toBe(200);
    clock.advance(900);
    expect(await client.callApi(expired.accessToken)).toBe(401);
  });

  it('revokes: 200, empty, also for an unknown token (P, RFC 7009)', async () => {
    const { accessToken, refreshToken } = server.mint();
    for (const token of ['unknown', refreshToken, refreshToken]) {
      const { status, text } = await revoke(token);
      expect([status, text]).toEqual([200, '']);
    }
    expect(server.isLive(accessToken)).toBe(false);
    expect((await client.refresh(refreshToken)).json).toEqual({ error: 'invalid_grant' });
    expect(server.stats).toMatchObject({ revocationCalls: 3, familiesRevoked: 1 });
  });

  it('revokes an access token alone', async () => {
    const { accessToken, refreshToken } = server.mint();
    await revoke(accessToken);
    expect(server.isLive(accessToken)).toBe(false);
    expect((await client.refresh(refreshToken)).status).toBe(200);
  });

  it('revokes for the client alone, and not while it is told to fail', async () => {
    const { accessToken, refreshToken } = server.mint();
    expect((await revoke(refreshToken, { client_secret: 'wrong' })).json).toEqual({
      error: 'invalid_client',
    });
    server.switches.revocationFault = '500';
    expect((await revoke(refreshToken)).status).toBe(500);
    expect(server.isLive(accessToken)).toBe(true);
  });

  it('publishes where things are (OpenID Connect Discovery)', async () => {
    const url = `${server.url}/.well-known/openid-configuration`;
    const { json } = await answerOf(await fetch(url));
    expect(json).toMatchObject({
      issuer: server.url,
      token_endpoint: `${server.url}/connect/token`,
      jwks_uri: `${server.url}/connect/jwks`,
    });
    const { json: set } = await answerOf(await fetch(`${server.url}/connect/jwks`));
    expect(set.keys).toEqual([expect.objectContaining({ kty: 'RSA', alg: 'RS256', use: 'sig' })]);
    expect(JSON.stringify(set)).not.toContain('"d"');
  });

  it('takes switches over HTTP and refuses unknown names and wrong values', async () => {
    const set = (change: unknown) => postJson(`${server.url}/_sandbox/switches`, change);
    expect((await set({ tokenLifetime: 60, latencyMs: [0, 0] })).status).toBe(200);
    expect(server.switches.tokenLifetime).toBe(60);
    const refused = await set({ tokenLifetime: 30, tokenFault: 'on fire', nope: 1 });
    expect(refused.status).toBe(400);
    expect(Object.keys(refused.json.errors ?? {})).toEqual(['tokenFault', 'nope']);
    expect(server.switches.tokenLifetime).toBe(60);
  });

  it('shows counts over HTTP, starts afresh on reset, and never shows a secret', async () => {
    const { accessToken, refreshToken } = server.mint();
    await client.refresh(refreshToken);
    const { json, text } = await answerOf(await fetch(`${server.url}/_sandbox/stats`));
    expect(json).toMatchObject({ refreshCalls: 1, rotations: 1, refreshTokensPresented: 1 });
    for (const { value } of server.issued) expect(text).not.toContain(value);
    server.switches.tokenLifetime = 60;
    const afresh = await postJson(`${server.url}/_sandbox/reset`, {});
    expect(afresh.json.stats).toMatchObject({ refreshCalls: 0, rotations: 0 });
    expect(server.switches.tokenLifetime).toBe(900);
    expect(server.isLive(accessToken)).toBe(true);
  });

  it('keeps a list of every secret it issued or was shown, in process', async () => {
    const code = await client.code();
    const { json } = await client.exchange(code);
    const values = new Set(server.issued.map(({ value }) => value));
    const { verifier, state, nonce } = client;
    for (const secret of [code, verifier, state, nonce, ...Object.values(json).slice(0, 2)]) {
      expect(values.has(String(secret))).toBe(true);
    }
    expect(values.has(String(json.refresh_token))).toBe(true);
  });

  it('counts the access tokens that are live now', async () => {
    const other = await startStitchMoney({ now: clock.now });
    try {
      other.mint();
      clock.advance(600);
      other.mint();
      expect(other.stats.liveAccessTokens).toBe(2);
      clock.advance(300);
      expect(other.stats.liveAccessTokens).toBe(1);
    } finally {
      await other.close();
    }
  });

  it('shows a page that stands for the app a browser returns to, and escapes what it was given', async () => {
    const query = 'authorization_request=1&status=%3Cscript%3E';
    const answer = await fetch(`${server.url}/_sandbox/app?${query}`);
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toContain('Your app');
    expect(text).not.toContain('<script>');
  });
});
