import { createConfiguredWorld } from '../support/configured-world.js';
import type { ConfiguredWorld } from '../support/configured-world.js';
import { Glewlwyd, glewlwydInstalled } from '../support/glewlwyd.js';
import { visit } from '../support/requests.js';
import { eventually } from '../support/wait.js';
import type { TokenAnswer } from '../support/world.js';

const tokenOf = async (answer: Response) => (await answer.json()) as TokenAnswer;

describe('a provider by configuration: glewlwyd, a server of Debian’s that no one here wrote', () => {
  let world: ConfiguredWorld | undefined;
  let server: Glewlwyd | undefined;
  afterAll(async () => {
    await world?.close();
    await server?.stop();
  });

  it('links, serves a token that it accepts, rotates once for all readers, and revokes', async () => {
    if (!glewlwydInstalled()) {
      // CI installs it and insists on it.
      process.stderr.write('glewlwyd.spec.ts: NOT RUN, glewlwyd is not installed\n');
      expect(process.env.REQUIRE_PROGRAMS).toBeUndefined();
      return;
    }
    world = await createConfiguredWorld('glewlwyd');
    server = await Glewlwyd.start(world.redirectUri, ['ann']);
    await world.start({
      issuer: server.issuer,
      client_id: server.clientId,
      client_secret: server.clientSecret,
      scopes: ['openid', 'accounts'],
    });
    const { vaults, key, database } = world;

    const answer = await server.consent(await world.authorizationUrl('ann'), 'ann');
    expect((await visit(answer)).status).toBe(200);
    const first = await tokenOf(await world.read('ann'));
    expect(first).toMatchObject({ provider: 'glewlwyd', version: 1, scope: 'openid accounts' });
    expect(await server.accepts(first.access_token)).toBe(true);

    // Each refresh token is good for one use: two calls for one rotation would cost the grant.
    for (const version of [2, 3]) {
      await world.makeStale('ann', 890);
      const reads = Array.from({ length: 20 }, (_, index) => world?.read('ann', index % 2));
      const tokens = await Promise.all(reads.map(async (read) => tokenOf((await read)!)));
      expect(new Set(tokens.map((token) => token.version))).toEqual(new Set([version]));
      expect(await server.accepts(tokens[0]?.access_token ?? '')).toBe(true);
    }

    const path = '/tokens/ann?provider=glewlwyd';
    expect((await vaults[0]?.request(path, { key, method: 'DELETE' }))?.status).toBe(204);
    await eventually('it is revoked there', async () => {
      return (await database.query('SELECT 1 FROM stitch_revocations')).length === 0;
    });
    const logs = vaults.flatMap((vault) => vault.logs).join('');
    expect(logs).toContain('revocation.done');
    expect(logs).not.toContain('revocation.failed');
  });
});
