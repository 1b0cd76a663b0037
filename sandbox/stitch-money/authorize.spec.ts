import { startStitchMoney } from './index.js';
import type { StitchMoneySandbox } from './index.js';
import { MoneyClient, REDIRECT_URI, TestClock, answerOf } from '../testing/client.js';

describe('stitch.money /connect/authorize', () => {
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

  it('shows a page naming the app, the banks and every scope asked for', async () => {
    const response = await fetch(client.authorizationUrl());
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const { status, text } = await answerOf(response);
    expect(status).toBe(200);
    expect(text).toContain('Stitch token vault asks to see your bank accounts');
    expect(text).toContain('Capitec');
    expect([...text.matchAll(/name="scope" value="(\w+)"/g)].map(([, scope]) => scope)).toEqual([
      'accounts',
      'balances',
      'transactions',
      'offline_access',
    ]);
  });

  it.each<[string, Record<string, string | undefined>, RegExp]>([
    ['an unknown client_id', { client_id: 'someone-else' }, /client_id is registered/],
    ['no client_id', { client_id: undefined }, /client_id is required/],
    ['a redirect_uri with more path', { redirect_uri: `${REDIRECT_URI}/x` }, /exactly/],
    ['a redirect_uri with a query', { redirect_uri: `${REDIRECT_URI}?a=1` }, /exactly/],
    ['response_type token', { response_type: 'token' }, /response_type is code/],
    ['a scope without openid', { scope: 'accounts' }, /scope holds openid/],
    ['a scope separated by commas and quotes', { scope: 'openid "x"' }, /space-separated/],
    ['a state of 31 characters', { state: 'x'.repeat(31) }, /state is 32 to 300/],
    ['a state of 301 characters', { state: 'x'.repeat(301) }, /state is 32 to 300/],
    ['a nonce of 31 characters', { nonce: 'x'.repeat(31) }, /nonce is 32 to 300/],
    ['no nonce', { nonce: undefined }, /nonce is required/],
    ['a challenge of 42 characters', { code_challenge: 'x'.repeat(42) }, /43 base64url/],
    ['a padded challenge', { code_challenge: `${'x'.repeat(42)}=` }, /43 base64url/],
    ['no challenge', { code_challenge: undefined }, /code_challenge is required/],
    ['method plain', { code_challenge_method: 'plain' }, /code_challenge_method is S256/],
    ['no method', { code_challenge_method: undefined }, /code_challenge_method is required/],
  ])('refuses %s with a page, never a redirect (S3)', async (_, change, rule) => {
    const response = await fetch(client.authorizationUrl(change), { redirect: 'manual' });
    const { status, rule: named } = await answerOf(response);
    expect(status).toBe(400);
    expect(named).toMatch(rule);
  });

  it('refuses a parameter sent twice (RFC 6749 section 3.1)', async () => {
    const { status, rule } = await answerOf(await fetch(`${client.authorizationUrl()}&state=x`));
    expect(status).toBe(400);
    expect(rule).toMatch(/more than once/);
  });

  it.each([32, 300])('takes a state and a nonce of %i characters (S3)', async (length) => {
    const value = 'x'.repeat(length);
    const response = await fetch(client.authorizationUrl({ state: value, nonce: value }));
    expect((await answerOf(response)).status).toBe(200);
  });

  it('redirects with code, granted scope, state and session_state (S3)', async () => {
    const callback = await server.consent(client.authorizationUrl());
    expect(callback.startsWith(`${REDIRECT_URI}?`)).toBe(true);
    const query = new URL(callback).searchParams;
    expect([...query.keys()]).toEqual(['code', 'scope', 'state', 'session_state']);
    expect(query.get('state')).toBe(client.state);
    expect(query.get('scope')).toBe('openid accounts balances transactions offline_access');
  });

  it('grants only what stays ticked, and openid always (S3)', async () => {
    const query = await client.consent({ untick: ['offline_access', 'balances', 'openid'] });
    expect(query.get('scope')).toBe('openid accounts transactions');
  });

  it('comes back with the state alone when the user cancels (S3)', async () => {
    const query = await client.consent({ cancel: true });
    expect([...query.entries()]).toEqual([['state', client.state]]);
  });

  it('comes back with an ordinary error when told to (RFC 6749 section 4.1.2.1)', async () => {
    server.switches.cancelError = 'access_denied';
    const query = await client.consent({ cancel: true });
    expect(query.get('error')).toBe('access_denied');
    expect(query.get('state')).toBe(client.state);
  });

  it('takes one answer to each page, within 15 minutes', async () => {
    const text = await (await fetch(client.authorizationUrl())).text();
    const request = /name="request" value="([^"]+)"/.exec(text)?.[1] ?? '';
    const body = new URLSearchParams({ request, bank: 'fnb', decision: 'grant' });
    const answer = () =>
      fetch(`${server.url}/connect/authorize`, { method: 'POST', body, redirect: 'manual' });
    expect((await answer()).status).toBe(303);
    expect((await answer()).status).toBe(400);
  });

  it('forgets a page after 15 minutes', async () => {
    const text = await (await fetch(client.authorizationUrl())).text();
    const request = /name="request" value="([^"]+)"/.exec(text)?.[1] ?? '';
    clock.advance(900);
    const body = new URLSearchParams({ request, bank: 'fnb', decision: 'grant' });
    const url = `${server.url}/connect/authorize`;
    expect((await fetch(url, { method: 'POST', body, redirect: 'manual' })).status).toBe(400);
  });

  it('escapes what it shows', async () => {
    const scope = "openid <b>'x'</b>";
    const text = await (await fetch(client.authorizationUrl({ scope }))).text();
    expect(text).not.toContain('<b>');
    expect(text).toContain('&#60;b&#62;');
  });
});
