import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { ageGrant } from '../support/grants.js';
import { signInAndConsent } from '../support/oidc-browser.js';
import { startOidcProvider } from '../support/oidc-provider.js';
import type { OidcServer } from '../support/oidc-provider.js';
import { begin, visit } from '../support/requests.js';
import { createClient, freePort, launchVault } from '../support/vault.js';
import type { TestVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import type { TokenAnswer } from '../support/world.js';

/** Two replicas of the vault at a provider that no one here wrote. */
async function createOidcWorld(environment: Record<string, string>, tokenLifetime?: number) {
  const database: TestDatabase = await createDatabase();
  const ports = [await freePort(), await freePort()];
  const publicUrl = `http://127.0.0.1:${String(ports[0])}`;
  const redirectUri = `${publicUrl}/callback/stitch-money`;
  const server: OidcServer = await startOidcProvider({ redirectUri, tokenLifetime });
  const key = await createClient(database.url);
  const vaults: TestVault[] = [];
  for (const port of ports) {
    vaults.push(
      await launchVault({
        DATABASE_URL: database.url,
        PUBLIC_URL: publicUrl,
        PUBLIC_PORT: String(port),
        STITCH_MONEY_ISSUER: server.issuer,
        STITCH_MONEY_AUTHORIZATION_ENDPOINT: `${server.issuer}/connect/authorize`,
        STITCH_MONEY_TOKEN_ENDPOINT: `${server.issuer}/connect/token`,
        STITCH_MONEY_REVOCATION_ENDPOINT: `${server.issuer}/connect/revocation`,
        STITCH_MONEY_JWKS_URI: `${server.issuer}/connect/jwks`,
        STITCH_MONEY_CLIENT_ID: server.clientId,
        STITCH_MONEY_CLIENT_SECRET: server.clientSecret,
        ...environment,
      }),
    );
  }
  const [vault] = vaults as [TestVault];
  return {
    ...{ database, server, vaults },
    link: async (user: string) => {
      const { authorization_url } = await begin({ vault, key }, { user_id: user });
      return visit(await signInAndConsent(authorization_url, user, redirectUri));
    },
    read: (user: string, replica = 0) =>
      (vaults[replica] ?? vault).request(`/tokens/${user}`, { key }),
    /** Ages the grant until its token is too old to be served, on every replica. */
    makeStale: (user: string, seconds = 890) => ageGrant({ database, vaults }, user, seconds),
    close: async () => {
      await Promise.all(vaults.map((each) => each.stop()));
      await server.close();
      await database.drop();
    },
  };
}

type OidcWorld = Awaited<ReturnType<typeof createOidcWorld>>;
const tokenOf = async (answer: Response) => (await answer.json()) as TokenAnswer;

describe('against oidc-provider, a certified server with rotation and reuse detection', () => {
  let world: OidcWorld;
  beforeAll(async () => {
    world = await createOidcWorld({ REFRESH_POLICY: 'on-demand' });
  });
  afterAll(() => world.close());

  it('links through login and consent, and serves a token that its userinfo accepts', async () => {
    const callback = await world.link('ann');
    expect(callback.status).toBe(200);
    for (const replica of [0, 1]) {
      const token = await tokenOf(await world.read('ann', replica));
      expect(token).toMatchObject({ token_type: 'Bearer', version: 1 });
      expect(token.scope.split(' ')).toEqual(['openid', 'accounts', 'balances', 'transactions']);
      expect(await world.server.accepts(token.access_token, 'ann')).toBe(true);
    }
    expect(await world.server.accepts('no-token', 'ann')).toBe(false);
  });

  it('refreshes a stale token once for 40 readers on two replicas', async () => {
    await world.link('bob');
    await world.makeStale('bob');
    const before = world.server.stats.refreshes.answered;
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => world.read('bob', index % 2)),
    );
    const tokens = await Promise.all(answers.map(tokenOf));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(tokens.map(({ version }) => version)).toEqual(tokens.map(() => 2));
    expect(new Set(tokens.map(({ access_token }) => access_token)).size).toBe(1);
    expect(await world.server.accepts(tokens[0]!.access_token, 'bob')).toBe(true);
    expect(world.server.stats.refreshes).toEqual({ answered: before + 1, refused: [] });
  });

  it('rotates again and again, now on one replica and now on the other', async () => {
    await world.link('cat');
    const seen = new Set<string>();
    for (let version = 1; version <= 6; version += 1) {
      if (version > 1) await world.makeStale('cat');
      const token = await tokenOf(await world.read('cat', version % 2));
      expect(token.version).toBe(version);
      expect(await world.server.accepts(token.access_token, 'cat')).toBe(true);
      seen.add(token.access_token);
    }
    expect(seen.size).toBe(6);
    expect(new Set(world.server.consumedOf('cat')).size).toBe(5);
    expect(world.server.stats.refreshes.refused).toEqual([]);
  });

  it('answers 409 grant_revoked once the user has withdrawn the consent', async () => {
    await world.link('dan');
    await world.server.revoke('dan');
    await world.makeStale('dan');
    for (const replica of [0, 1]) {
      const answer = await world.read('dan', replica);
      expect(answer.status).toBe(409);
      expect(await answer.json()).toMatchObject({
        code: 'reauthorization_required',
        reason: 'grant_revoked',
      });
    }
    expect((await world.link('dan')).status).toBe(200);
    expect((await world.read('dan', 1)).status).toBe(200);
  });

  it('answers 409 when a thief has used an old refresh token: the detection works', async () => {
    await world.link('eve');
    await world.makeStale('eve');
    await world.read('eve');
    const [stolen = ''] = world.server.consumedOf('eve');
    const { issuer, clientId, clientSecret } = world.server;
    const theft = await fetch(`${issuer}/connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: stolen,
        client_id: clientId,
        client_secret: clientSecret,
      }),
    });
    expect(theft.status).toBe(400);
    await world.makeStale('eve');
    expect(await (await world.read('eve')).json()).toMatchObject({ reason: 'grant_revoked' });
  });
});

describe('the schedule against oidc-provider', () => {
  let world: OidcWorld;
  beforeAll(async () => {
    world = await createOidcWorld({ REFRESH_POLICY: 'all', REFRESH_INTERVAL: '1' }, 6);
  });
  afterAll(() => world.close());

  it('rotates six-second tokens in time by itself, each refresh token once', async () => {
    await world.link('fay');
    await eventually('three rotations', () => world.server.consumedOf('fay').length >= 3, 25_000);
    const token = await tokenOf(await world.read('fay', 1));
    expect(token.version).toBeGreaterThanOrEqual(4);
    expect(await world.server.accepts(token.access_token, 'fay')).toBe(true);
    expect(world.server.stats.refreshes.refused).toEqual([]);
    const [row] = await world.database.query<{ failure_count: number }>(
      'SELECT failure_count FROM stitch_grants',
    );
    expect(row?.failure_count).toBe(0);
  });
});
