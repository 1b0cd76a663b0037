import type { JWK } from 'jose';
import { newIssuerKey, startIssuer } from '../support/issuer.js';
import type { TestIssuer } from '../support/issuer.js';
import { begin, requestStatus, visit } from '../support/requests.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

/** A vault that has never seen its provider's key set, which is served apart from the provider. */
describe('linking while the key set of the provider cannot be had', () => {
  let keySet: TestIssuer;
  let world: World;
  let published: JWK[];

  beforeEach(async () => {
    keySet = await startIssuer([]);
    world = await createWorld({
      environment: { STITCH_MONEY_JWKS_URI: `${keySet.url}/keys`, REFRESH_POLICY: 'on-demand' },
    });
    const answer = await fetch(`${world.sandbox.url}/connect/jwks`);
    published = ((await answer.json()) as { keys: JWK[] }).keys;
    keySet.keys = published;
  });
  afterEach(async () => {
    await world.close();
    await keySet.close();
  });

  /** A user comes back from the provider with a code. */
  const comeBack = async (user_id: string) => {
    const { id, authorization_url } = await begin(world, { user_id });
    const callback = await world.sandbox.consent(authorization_url);
    return { id, visited: visit(callback) };
  };

  it('spends no code before it has the keys, and links when they come within seconds', async () => {
    keySet.down = true;
    const { id, visited } = await comeBack('ann');
    await eventually('the keys were asked for', () => keySet.fetches >= 1);
    expect(world.sandbox.stats.codeCalls).toBe(0);
    keySet.down = false;
    expect((await visited).status).toBe(200);
    expect(await requestStatus(world, id)).toMatchObject({ status: 'completed', error: null });
    const token = (await (await world.read('ann')).json()) as TokenAnswer;
    expect(world.sandbox.isLive(token.access_token)).toBe(true);
    expect(world.sandbox.stats).toMatchObject({ codeCalls: 1, familiesRevoked: 0 });
  });

  it('fails with 502, the code not spent and nothing issued, when they do not come', async () => {
    keySet.down = true;
    const { id, visited } = await comeBack('ben');
    expect((await visited).status).toBe(502);
    expect(await requestStatus(world, id)).toMatchObject({ status: 'failed', error: 'http_503' });
    expect(world.sandbox.stats).toMatchObject({ codeCalls: 0, liveAccessTokens: 0 });
    keySet.down = false;
    expect((await world.link('ben')).status).toBe(200);
  });

  it('goes on with the keys that it has', async () => {
    expect((await world.link('cas')).status).toBe(200);
    keySet.down = true;
    expect((await world.link('dee')).status).toBe(200);
  });

  it('revokes what was issued when none of the keys it has verifies it', async () => {
    keySet.keys = [(await newIssuerKey('of-somebody-else', 'RS256')).jwk];
    const { id, visited } = await comeBack('eve');
    expect((await visited).status).toBe(502);
    expect(await requestStatus(world, id)).toMatchObject({ status: 'failed' });
    expect(world.sandbox.stats.codeCalls).toBe(1);
    await eventually(
      'what was issued is revoked',
      () => world.sandbox.stats.familiesRevoked === 1 && world.sandbox.stats.liveAccessTokens === 0,
    );
    expect((await world.read('eve')).status).toBe(404);
  });
});
