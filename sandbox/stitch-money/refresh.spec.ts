import { startStitchMoney } from './index.js';
import type { StitchMoneySandbox } from './index.js';
import { MoneyClient, TestClock } from '../testing/client.js';

const YEAR = 365 * 24 * 3600;

describe('stitch.money /connect/token with a refresh token', () => {
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

  it('answers with a new access token and a new refresh token (S3)', async () => {
    const first = server.mint();
    const { status, json } = await client.refresh(first.refreshToken);
    expect(status).toBe(200);
    expect(json.access_token).not.toBe(first.accessToken);
    expect(json.refresh_token).not.toBe(first.refreshToken);
    expect(json.scope).toBe(first.scope);
    expect((await client.refresh(json.refresh_token)).status).toBe(200);
    expect(server.stats).toMatchObject({ rotations: 2, reuseEvents: 0, maxPresentations: 1 });
  });

  it('leaves the access token before it good until it expires', async () => {
    const { accessToken, refreshToken } = server.mint();
    await client.refresh(refreshToken);
    clock.advance(899);
    expect(server.isLive(accessToken)).toBe(true);
    clock.advance(1);
    expect(server.isLive(accessToken)).toBe(false);
  });

  it('takes a refresh token once; a second use ends the grant (RFC 9700 section 4.14.2)', async () => {
    const { accessToken, refreshToken } = server.mint();
    const { json } = await client.refresh(refreshToken);
    const reused = await client.refresh(refreshToken);
    expect([reused.status, reused.json]).toEqual([400, { error: 'invalid_grant' }]);
    expect((await client.refresh(json.refresh_token)).json).toEqual({ error: 'invalid_grant' });
    expect(server.isLive(accessToken)).toBe(false);
    expect(server.isLive(String(json.access_token))).toBe(false);
    expect(server.stats).toMatchObject({ reuseEvents: 1, familiesRevoked: 1, maxPresentations: 2 });
    expect(server.stats.presentationsOf(refreshToken)).toBe(2);
  });

  it('lets the grant live after a reuse when told to', async () => {
    server.switches.revokeOnReuse = false;
    const { refreshToken } = server.mint();
    const { json } = await client.refresh(refreshToken);
    expect((await client.refresh(refreshToken)).json).toEqual({ error: 'invalid_grant' });
    expect((await client.refresh(json.refresh_token)).status).toBe(200);
    expect(server.stats).toMatchObject({ reuseEvents: 1, familiesRevoked: 0 });
  });

  it('answers a used token afresh within the grace, and no longer', async () => {
    server.switches.graceSeconds = 30;
    const { refreshToken } = server.mint();
    const first = await client.refresh(refreshToken);
    clock.advance(29);
    const second = await client.refresh(refreshToken);
    expect(second.status).toBe(200);
    expect(second.json.refresh_token).not.toBe(first.json.refresh_token);
    expect(server.stats).toMatchObject({ graceAnswers: 1, reuseEvents: 0 });
    for (const { json } of [first, second]) {
      expect(server.isLive(String(json.access_token))).toBe(true);
    }
    clock.advance(1);
    expect((await client.refresh(refreshToken)).json).toEqual({ error: 'invalid_grant' });
    expect(server.stats.reuseEvents).toBe(1);
  });

  it('counts the grace from the first use', async () => {
    server.switches.graceSeconds = 30;
    const { refreshToken } = server.mint();
    await client.refresh(refreshToken);
    clock.advance(20);
    await client.refresh(refreshToken);
    clock.advance(20);
    expect((await client.refresh(refreshToken)).status).toBe(400);
  });

  it('refuses a wrong secret without using the token up (I)', async () => {
    const { refreshToken } = server.mint();
    const refused = await client.refresh(refreshToken, { client_secret: 'wrong' });
    expect([refused.status, refused.json]).toEqual([400, { error: 'invalid_client' }]);
    expect((await client.refresh(refreshToken)).status).toBe(200);
  });

  it('refuses an unknown token', async () => {
    const { status, json } = await client.refresh('unknown');
    expect([status, json]).toEqual([400, { error: 'invalid_grant' }]);
  });

  it('lets a refresh token idle for 365 days, and no longer (P)', async () => {
    const [used, unused] = [server.mint(), server.mint()];
    clock.advance(YEAR);
    expect((await client.refresh(used.refreshToken)).status).toBe(200);
    clock.advance(1);
    expect((await client.refresh(unused.refreshToken)).rule).toMatch(/365 days/);
  });

  it('gives tokens the lifetime the switch says', async () => {
    server.switches.tokenLifetime = 5;
    const { json } = await client.refresh(server.mint().refreshToken);
    expect(json.expires_in).toBe(5);
    clock.advance(4);
    expect(server.isLive(String(json.access_token))).toBe(true);
    clock.advance(1);
    expect(server.isLive(String(json.access_token))).toBe(false);
  });

  it('ends the grant when the user ends it at the bank', async () => {
    const { accessToken, refreshToken } = server.mint();
    expect(server.revokeGrantOf(accessToken)).toBe(true);
    expect(server.isLive(accessToken)).toBe(false);
    expect((await client.refresh(refreshToken)).json).toEqual({ error: 'invalid_grant' });
    expect(server.revokeGrantOf('unknown')).toBe(false);
  });

  it('goes on where a saved server stopped, without having kept a token in the clear', async () => {
    const { accessToken, refreshToken } = server.mint();
    const { json } = await client.refresh(refreshToken);
    const text = JSON.stringify(server.save());
    for (const { value } of server.issued) expect(text).not.toContain(value);

    const saved = JSON.parse(text) as ReturnType<StitchMoneySandbox['save']>;
    const next = await startStitchMoney({ now: clock.now, saved });
    try {
      const later = new MoneyClient(next);
      expect(next.isLive(accessToken)).toBe(true);
      const rotated = await later.refresh(json.refresh_token);
      expect(rotated.status).toBe(200);
      expect((await later.refresh(refreshToken)).rule).toMatch(/works once/);
      expect(next.isLive(String(rotated.json.access_token))).toBe(false);
    } finally {
      await next.close();
    }
  });
});
