import { readAudit } from '../support/audit.js';
import { metric } from '../support/metrics.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { createDatabase } from '../support/database.js';
import { createClient, launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

interface ClientTokenAnswer {
  access_token: string;
  token_type: string;
  expires_in: number;
  expires_at: string;
  scope: string;
  provider: string;
}

describe('tokens of the client itself', () => {
  let world: World;
  let proxy: TcpProxy;
  let reader: string;
  beforeAll(async () => {
    const database = await createDatabase();
    proxy = await startTcpProxy(database.url);
    world = await createWorld({
      replicas: 2,
      database,
      environment: { DATABASE_URL: proxy.url, PROVIDER_TIMEOUT: '2' },
    });
    reader = await createClient(database.url, ['client-tokens:read'], { name: 'payments' });
  });
  afterEach(() => {
    world.sandbox.reset();
  });
  afterAll(async () => {
    await world.close();
    await proxy.close();
  });

  const ask = (scope: string, { replica = 0, key = reader, query = '' } = {}) => {
    const path = `/client-tokens/stitch-money?scope=${encodeURIComponent(scope)}${query}`;
    return (world.vaults[replica] ?? world.vault).request(path, { key });
  };
  const token = async (...asked: Parameters<typeof ask>) => {
    const answer = await ask(...asked);
    expect({ status: answer.status }).toEqual({ status: 200 });
    return (await answer.json()) as ClientTokenAnswer;
  };
  const refused = async (answer: Promise<Response>) => {
    const got = await answer;
    return { status: got.status, ...((await got.json()) as { code: string }) };
  };
  /** Makes the tokens of these scopes older, in the database alone. */
  const age = (scope: string, seconds: number) =>
    world.database.query(
      `UPDATE client_tokens SET obtained_at = obtained_at - make_interval(secs => $2),
         expires_at = expires_at - make_interval(secs => $2),
         last_read_at = last_read_at - make_interval(secs => $2),
         refresh_due_at = refresh_due_at - make_interval(secs => $2) WHERE scope = $1`,
      [scope, seconds],
    );
  const calls = () => world.sandbox.stats.clientCalls;

  it('are one call for any number of readers on all replicas, and in whatever order scopes stand', async () => {
    world.sandbox.switches.latencyMs = 100;
    const scopes = ['client_paymentrequest client_refund', 'client_refund  client_paymentrequest'];
    const tokens = await Promise.all(
      Array.from({ length: 40 }, (_, n) => token(scopes[n % 2] ?? '', { replica: n % 2 })),
    );
    expect(new Set(tokens.map(({ access_token }) => access_token)).size).toBe(1);
    expect(calls()).toBe(1);
    const [first] = tokens as [ClientTokenAnswer];
    expect(first).toEqual({
      access_token: expect.any(String) as string,
      token_type: 'Bearer',
      expires_in: expect.any(Number) as number,
      expires_at: expect.any(String) as string,
      scope: 'client_paymentrequest client_refund',
      provider: 'stitch-money',
    });
    expect(first.expires_in).toBeGreaterThan(880);
    expect(world.sandbox.isLive(first.access_token)).toBe(true);
    const again = await ask('client_paymentrequest client_refund');
    expect(again.headers.get('cache-control')).toBe('no-store');
    expect(calls()).toBe(1);
  });

  it('are sealed where they are stored, and a token of other scopes is another one', async () => {
    const { access_token } = await token('client_sealed');
    const rows = await world.database.query<{ access_token: Buffer }>(
      'SELECT access_token FROM client_tokens WHERE access_token IS NOT NULL',
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row.access_token.toString('latin1')).not.toContain(access_token);
    expect((await token('client_other')).access_token).not.toBe(access_token);
  });

  it('are renewed ahead while they are read, and let go when nobody reads them', async () => {
    await token('client_read');
    // One that nobody reads, beside it: a read of it would still be on its way into the table.
    await world.database.query(
      `INSERT INTO client_tokens (provider, client_id, scope, access_token, granted_scope,
         obtained_at, expires_at, refresh_due_at, version, last_read_at)
       SELECT provider, client_id, 'client_unread', access_token, granted_scope, obtained_at,
         expires_at, refresh_due_at, version, obtained_at - interval '1 h'
       FROM client_tokens WHERE scope = 'client_read'`,
    );
    await age('client_unread', 850);
    await age('client_read', 850);
    const version = async (scope: string) => {
      const sql = 'SELECT version::int FROM client_tokens WHERE scope = $1';
      const [row] = await world.database.query<{ version: number }>(sql, [scope]);
      return row?.version;
    };
    await eventually('it is renewed', async () => (await version('client_read')) === 2);
    expect(await version('client_unread')).toBe(1);
  });

  it('are renewed for a reader who needs more than is left, by one call', async () => {
    await token('client_ttl', { replica: 1 });
    await age('client_ttl', 700);
    const before = calls();
    const query = '&min_ttl=300';
    const renewed = await Promise.all(
      Array.from({ length: 10 }, () => token('client_ttl', { query })),
    );
    expect(renewed[0]?.expires_in).toBeGreaterThan(880);
    expect(calls()).toBe(before + 1);
  });

  it('are served while they live although provider or database is away', async () => {
    const { access_token } = await token('client_outage');
    world.sandbox.switches.down = true;
    const query = '&min_ttl=3600';
    await age('client_outage', 300);
    // The other replica has to read the row, and finds nothing better.
    const stale = await token('client_outage', { query, replica: 1 });
    expect(stale.access_token).toBe(access_token);
    expect(stale.expires_in).toBeLessThan(610);
    proxy.cut();
    expect((await token('client_outage')).access_token).toBe(access_token);
    const away = await refused(ask('client_never_seen'));
    expect(away).toMatchObject({ status: 503, code: 'storage_unavailable' });
    proxy.restore();
    await eventually('the database is back', async () => {
      const { status } = await world.vault.request('/health/ready');
      return status === 200;
    });
  });

  it('are 503 with Retry-After where the provider fails, which is not asked again at once', async () => {
    Object.assign(world.sandbox.switches, { tokenFault: '429', faultOn: 'client', retryAfter: 20 });
    const before = calls();
    const answer = await ask('client_limited');
    expect(answer.status).toBe(503);
    expect(Math.abs(Number(answer.headers.get('retry-after')) - 20)).toBeLessThan(5);
    expect(await answer.json()).toMatchObject({ code: 'provider_unavailable' });
    expect((await ask('client_limited', { replica: 1 })).status).toBe(503);
    expect(calls()).toBe(before + 1);
    // A pause of these does not stop the users' tokens.
    expect((await world.link('ann')).status).toBe(200);
  });

  it('are 503 within the time for one call where the provider hangs', async () => {
    Object.assign(world.sandbox.switches, { tokenFault: 'hang', faultOn: 'client' });
    const asked = Date.now();
    expect(await refused(ask('client_hangs'))).toMatchObject({ code: 'provider_unavailable' });
    expect(Date.now() - asked).toBeLessThan(8000);
  });

  it('are refused by the codes that users’ tokens have', async () => {
    const bad = await refused(ask('accounts'));
    const insufficient = { status: 403, code: 'insufficient_scope', missing_scopes: ['accounts'] };
    expect(bad).toMatchObject(insufficient);
    expect(bad).toHaveProperty('detail', expect.not.stringContaining('user'));
    const before = calls();
    expect(await refused(ask('accounts', { replica: 1 }))).toMatchObject(insufficient);
    expect(calls()).toBe(before);
    const get = (path: string, key = reader) => refused(world.vault.request(path, { key }));
    const invalid = { status: 400, code: 'invalid_request' };
    for (const query of ['', '?scope=', '?scope=a%00b', '?scope=client_a&min_ttl=3601']) {
      expect(await get(`/client-tokens/stitch-money${query}`)).toMatchObject(invalid);
    }
    const long = Array.from({ length: 8 }, () => 'a'.repeat(150)).join('+');
    expect(await get(`/client-tokens/stitch-money?scope=${long}`)).toMatchObject(invalid);
    for (const name of ['nowhere', 'No%20Where', 'stitch-connect']) {
      expect(await get(`/client-tokens/${name}?scope=client_a`)).toMatchObject(invalid);
    }
  });

  it('are 403 to clients that are restricted to other providers, or to some users', async () => {
    const { url } = world.database;
    const elsewhere = await createClient(url, ['client-tokens:read'], { providers: ['other'] });
    const here = await createClient(url, ['client-tokens:read'], { providers: ['stitch-money'] });
    const someUsers = await createClient(url, ['client-tokens:read'], { userPrefixes: ['a-'] });
    const forbidden = { status: 403, code: 'forbidden' };
    for (const key of [elsewhere, someUsers, await createClient(url, ['tokens:read'])]) {
      expect(await refused(ask('client_paymentrequest client_refund', { key }))).toMatchObject(
        forbidden,
      );
    }
    expect((await ask('client_paymentrequest client_refund', { key: here })).status).toBe(200);
  });

  it('are asked for anew once the clock of the database was set back: nobody knows how old they are', async () => {
    const old = await token('client_old');
    // As a step back by an hour leaves a token that was obtained an hour and ten minutes ago.
    await age('client_old', 600);
    await world.database.query(
      `UPDATE client_tokens SET expires_at = now() + interval '50 minutes',
         lease_owner = gen_random_uuid(), lease_expires_at = now() + interval '1 h',
         retry_at = now() + interval '1 h' WHERE scope = 'client_old'`,
    );
    await world.database.query(
      `INSERT INTO stitch_clock_steps (seen_at, by_ms, process) VALUES (now(), -3600000, gen_random_uuid())`,
    );
    const after = await launchVault(world.environment);
    try {
      const answer = await after.request('/client-tokens/stitch-money?scope=client_old', {
        key: reader,
      });
      expect(answer.status).toBe(200);
      const { access_token } = (await answer.json()) as ClientTokenAnswer;
      expect(access_token).not.toBe(old.access_token);
    } finally {
      await after.stop();
      await world.database.query('DELETE FROM stitch_clock_steps');
    }
  });

  it('are in the audit, and nobody’s', async () => {
    const items = await eventually('it is written', async () => {
      const all = await readAudit(world.vault, world.key, '&client=payments&type=token.read');
      const outcomes = new Set(all.map(({ outcome }) => outcome));
      return outcomes.has('served') && outcomes.has('insufficient_scope') ? all : undefined;
    });
    for (const { provider, user_id, connection, version } of items) {
      expect({ provider, user_id, connection, version }).toEqual({
        provider: 'stitch-money',
        user_id: null,
        connection: null,
        version: null,
      });
    }
  });

  it('are counted', async () => {
    const sample =
      'stitch_vault_client_token_calls_total{provider="stitch-money",outcome="obtained"}';
    const counts = await Promise.all(world.vaults.map((vault) => metric(vault, sample)));
    expect(counts.every((count) => count > 0)).toBe(true);
  });
});
