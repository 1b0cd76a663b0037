import { BetterAuthServer } from '../support/better-auth.js';
import { createConfiguredWorld } from '../support/configured-world.js';
import type { ConfiguredWorld } from '../support/configured-world.js';
import { visit } from '../support/requests.js';
import { eventually } from '../support/wait.js';
import type { TokenAnswer } from '../support/world.js';

const tokenOf = async (answer: Response) => (await answer.json()) as TokenAnswer;

describe('a provider by configuration: better-auth, a server of npm’s that no one here wrote', () => {
  let world: ConfiguredWorld;
  let server: BetterAuthServer;
  beforeAll(async () => {
    world = await createConfiguredWorld('better-auth');
    server = await BetterAuthServer.start(world.redirectUri, ['ann', 'bob']);
    await world.start({
      issuer: server.issuer,
      client_id: server.clientId,
      client_secret: server.clientSecret,
      scopes: ['openid', 'offline_access', 'accounts'],
      authorization_parameters: { prompt: 'consent' },
    });
  });
  afterAll(async () => {
    await world.close();
    await server.stop();
  });

  const link = async (user: string) =>
    visit(await server.consent(await world.authorizationUrl(user), user));

  it('links by what it announces, with an id_token of EdDSA, and serves a token that it accepts', async () => {
    expect((await link('ann')).status).toBe(200);
    const token = await tokenOf(await world.read('ann'));
    expect(token).toMatchObject({
      ...{ provider: 'better-auth', version: 1, token_type: 'Bearer' },
      scope: 'openid offline_access accounts',
    });
    expect(await server.accepts(token.access_token)).toBe(true);
    expect(await server.accepts('no-token')).toBe(false);
  });

  it('rotates once for all readers: a second use of a refresh token would end the grant', async () => {
    const { given } = server.refreshTokens();
    for (const version of [2, 3]) {
      await world.makeStale('ann', 890);
      const reads = Array.from({ length: 20 }, (_, index) => world.read('ann', index % 2));
      const tokens = await Promise.all((await Promise.all(reads)).map(tokenOf));
      expect(new Set(tokens.map((token) => token.version))).toEqual(new Set([version]));
      expect(await server.accepts(tokens[0]?.access_token ?? '')).toBe(true);
    }
    expect(server.refreshTokens()).toEqual({ given: given + 2, good: 1 });
  });

  it('revokes the refresh token where the grant is deleted', async () => {
    await link('bob');
    expect(server.refreshTokens().good).toBe(2);
    const path = '/tokens/bob?provider=better-auth';
    const { key, vaults } = world;
    expect((await vaults[0]?.request(path, { key, method: 'DELETE' }))?.status).toBe(204);
    await eventually('it is revoked there', () => server.refreshTokens().good === 1);
    const logs = () => vaults.flatMap((vault) => vault.logs).join('');
    await eventually('the log says so', () => logs().includes('revocation.done'));
    expect(logs()).not.toContain('revocation.failed');
  });
});
