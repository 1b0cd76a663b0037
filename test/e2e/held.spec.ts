import { randomUUID } from 'node:crypto';
import { Keyring, Sealer } from '../../src/encryption/index.js';
import { parseKeyring } from '../../src/config/parsers.js';
import { DeadTokens, TokenSealer } from '../../src/grants/index.js';
import type { Consent } from '../../src/grants/index.js';
import { cleanUp, runCli } from '../integration/programs.js';
import { TEST_KEYRING } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

const SEALER = new TokenSealer(new Sealer(new Keyring(parseKeyring(TEST_KEYRING))));

describe('tokens that are out of use', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2, environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterEach(cleanUp);
  afterAll(() => world.close());

  const cli = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli([...args, '--json'], {
      ...world.environment,
      DATABASE_URL: world.database.url,
      VAULT_KEYRING: TEST_KEYRING,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const hold = async (user: string) => {
    await world.link(user);
    await world.age(user, 900);
    Object.assign(world.sandbox.switches, { tokenFault: 'malformed_after', faultOn: 'refresh' });
    expect((await world.read(user)).status).toBe(503);
    world.sandbox.reset();
    await eventually(
      'it is held',
      async () => typeof (await cli('grants', 'show', user)).held_at === 'string',
    );
  };
  /** Replaces the kept answer, as if the code of today understood the one that came. */
  const answer = async (user: string, status: number, members: object, consent?: Consent) => {
    const text = JSON.stringify({
      ...{ status, contentType: 'application/json', contentEncoding: null, askedAt: Date.now() },
      body: Buffer.from(JSON.stringify(members)).toString('base64'),
    });
    const key = { provider: 'stitch-money', userId: user, connection: 'default' };
    await world.database.query('UPDATE stitch_grants SET held_answer = $2 WHERE user_id = $1', [
      user,
      SEALER.seal(text, 'held_answer', key, consent),
    ]);
  };
  const calls = () => world.sandbox.stats.refreshCalls;

  it('are not presented again while their answer is held, and give way to those in it', async () => {
    await hold('ann');
    const before = calls();
    for (const replica of [0, 1]) {
      const refused = await world.read('ann', '', replica);
      expect(refused.status).toBe(503);
      expect(await refused.json()).toMatchObject({ code: 'provider_unavailable' });
    }
    expect(await cli('grants', 'show', 'ann')).toMatchObject({
      ...{
        status: 'active',
        version: 1,
        last_error: expect.stringContaining('malformed') as string,
      },
    });
    expect(await cli('grants', 'retry', '--user', 'ann')).toEqual({ scheduled: 0 });
    expect(await cli('grants', 'reread')).toEqual({ understood: 0, held: 1 });
    expect(calls()).toBe(before);
    const [ann] = await world.database.query<{ sub: string }>(
      `SELECT subject AS sub FROM stitch_grants WHERE user_id = 'ann'`,
    );
    const minted = world.sandbox.mint(ann);
    await answer('ann', 200, {
      ...{ access_token: minted.accessToken, refresh_token: minted.refreshToken },
      expires_in: minted.expiresIn,
    });
    expect(await cli('grants', 'reread')).toEqual({ understood: 1, held: 0 });
    const token = await eventually('it is served', async () => {
      const read = await world.read('ann', '', 1);
      return read.status === 200 && ((await read.json()) as TokenAnswer);
    });
    expect(token).toMatchObject({ access_token: minted.accessToken, version: 2 });
    expect(calls()).toBe(before);
    await world.age('ann', 900);
    await eventually('it is rotated', async () => {
      const read = await world.read('ann');
      return read.status === 200 && ((await read.json()) as TokenAnswer).version === 3;
    });
    expect(world.sandbox.stats.familiesRevoked).toBe(0);
  });

  it('are tried again where the answer that is held turns out to be a refusal', async () => {
    await hold('bob');
    // Not one that somebody has put beside another consent than its own.
    const another = { grantId: randomUUID(), scopes: [], confirmed: true };
    await answer('bob', 400, { error: 'invalid_grant' }, another);
    expect(await cli('grants', 'reread')).toEqual({ understood: 0, held: 1 });
    await answer('bob', 400, { error: 'invalid_grant' });
    expect(await cli('grants', 'reread')).toEqual({ understood: 1, held: 0 });
    const shown = await cli('grants', 'show', 'bob');
    expect(shown).toMatchObject({ version: 1 });
    expect(shown).not.toHaveProperty('held_at');
  });

  it('are held when a refresh is answered with tokens of another subject, which nobody is served', async () => {
    await world.link('eve');
    await world.age('eve', 900);
    Object.assign(world.sandbox.switches, { idTokenFault: 'wrong_subject' });
    expect((await world.read('eve')).status).toBe(503);
    world.sandbox.reset();
    const shown = await eventually('it is held', async () => {
      const grant = await cli('grants', 'show', 'eve');
      return typeof grant.held_at === 'string' && grant;
    });
    expect(shown).toMatchObject({ version: 1, last_error: 'malformed: other_subject' });
    expect(await cli('grants', 'reread')).toEqual({ understood: 0, held: 1 });
  });

  it('are wiped thirty days after their grant was given up, and can be tried until then', async () => {
    for (const [user, days] of [
      ['cat', 29],
      ['dan', 31],
    ] as const) {
      await world.link(user);
      await world.database.query(
        `UPDATE stitch_grants SET status = 'reauthorization_required', reason = 'grant_revoked',
           refresh_due_at = NULL, retired_at = now() - make_interval(days => $2)
         WHERE user_id = $1`,
        [user, days],
      );
    }
    expect(await world.vault.app.get(DeadTokens).wipe()).toBe(1);
    const kept = await world.database.query<{ user_id: string }>(
      `SELECT user_id FROM stitch_grants WHERE refresh_token IS NOT NULL
         AND user_id IN ('cat', 'dan')`,
    );
    expect(kept).toEqual([{ user_id: 'cat' }]);
    expect(await cli('grants', 'retry', '--user', 'dan')).toEqual({
      scheduled: 0,
      skipped: { without_token: 1 },
    });
    expect(await cli('grants', 'retry', '--user', 'cat')).toEqual({ scheduled: 1 });
  });
});
