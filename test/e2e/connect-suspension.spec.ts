import { createConnectWorld, grantLife } from '../support/connect-world.js';
import type { ConnectToken, ConnectWorld } from '../support/connect-world.js';
import { eventually } from '../support/wait.js';

describe('a permanent token that the API refuses', () => {
  let world: ConnectWorld;
  beforeAll(async () => {
    world = await createConnectWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterEach(() => {
    world.connect.reset();
  });
  afterAll(() => world.close());

  const linked = async (user: string) => {
    await world.linkConnect(user);
    const tokens: ConnectToken[] = [];
    for (const replica of [0, 1]) {
      tokens.push((await (await world.readConnect(user, replica)).json()) as ConnectToken);
    }
    return tokens[0]!;
  };
  const report = (user: string, version = 1, replica = 0) =>
    world.post(`/tokens/${user}/rejections`, { version, provider: 'stitch-connect' }, replica);
  const suspended = { status: 409, code: 'reauthorization_required', reason: 'suspended' };
  const makeDue = (user: string) =>
    world.database.query(`UPDATE stitch_grants SET refresh_due_at = now() WHERE user_id = $1`, [
      user,
    ]);
  /** Makes the next check due and waits for its end. @returns the row after it */
  const checked = async (user: string) => {
    const { failure_count: before } = await grantLife(world, user);
    await makeDue(user);
    return eventually(`${user} is checked`, async () => {
      const life = await grantLife(world, user);
      return life.failure_count > before && life;
    });
  };

  it('is suspended by one report: 409 on every replica within a second, no provider call', async () => {
    await linked('ann');
    const answer = await report('ann');
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject(suspended);
    for (const replica of [0, 1]) {
      const read = await eventually(
        `replica ${String(replica)} serves it no more`,
        async () => {
          const each = await world.readConnect('ann', replica);
          return each.status === 409 && each;
        },
        1000,
      );
      expect(await read.json()).toMatchObject(suspended);
    }
    expect(await grantLife(world, 'ann')).toMatchObject({
      ...{ status: 'suspended', reason: 'suspended', version: 1, rejected_version: 1 },
    });
    expect(world.connect.stats.sourceCalls).toBe(0);
  });

  it('takes no notice of a report about a version that is not the current one', async () => {
    await linked('ben');
    for (const version of [2, 999]) expect((await report('ben', version)).status).toBe(200);
    expect(await grantLife(world, 'ben')).toMatchObject({ status: 'active', due_in: null });
  });

  it('is tried again at growing intervals, by one replica each time, and never given up', async () => {
    const token = await linked('cas');
    world.connect.revokeToken(token.access_token);
    await report('cas');
    const { due_in: first } = await grantLife(world, 'cas');
    expect(first).toBeGreaterThan(8);
    expect(first).toBeLessThanOrEqual(10);
    for (const [count, seconds] of [10, 20, 40, 80].entries()) {
      const life = await checked('cas');
      expect(life).toMatchObject({
        ...{ status: 'suspended', failure_count: count + 1, last_error: 'unauthorized' },
      });
      expect(life.due_in).toBeGreaterThan(seconds - 2);
      expect(life.due_in).toBeLessThanOrEqual(seconds);
      expect(world.connect.stats.sourceCalls).toBe(count + 1);
    }
    await world.database.query(`UPDATE stitch_grants SET failure_count = 40 WHERE user_id = 'cas'`);
    const late = await checked('cas');
    expect(late.due_in).toBeGreaterThan(3598);
    expect(late.due_in).toBeLessThanOrEqual(3600);
    expect((await world.readConnect('cas', 1)).status).toBe(409);
  });

  it('comes back to life, the same token, once the user has enabled it again', async () => {
    const token = await linked('dee');
    world.connect.revokeToken(token.access_token);
    await report('dee');
    await checked('dee');
    world.connect.enableToken(token.access_token);
    await makeDue('dee');
    for (const replica of [0, 1]) {
      const served = await eventually(`replica ${String(replica)} serves it again`, async () => {
        const answer = await world.readConnect('dee', replica);
        return answer.status === 200 && ((await answer.json()) as ConnectToken);
      });
      expect(served).toEqual(token);
    }
    expect(await grantLife(world, 'dee')).toEqual({
      ...{ status: 'active', reason: null, version: 1, rejected_version: null },
      ...{ failure_count: 0, last_error: null, due_in: null },
    });
    // It can be suspended again as if nothing had been.
    expect((await report('dee')).status).toBe(409);
    expect((await grantLife(world, 'dee')).failure_count).toBe(0);
  });

  it.each(['500', 'malformed', 'drop_before'] as const)(
    'stays suspended when the check brings no answer (%s), and recovers afterwards',
    async (fault) => {
      const user = `eli-${fault.replace('_', '-')}`;
      await linked(user);
      await report(user);
      Object.assign(world.connect.switches, { fault, faultOn: 'sources' });
      const life = await checked(user);
      expect(life.status).toBe('suspended');
      expect(life.last_error).toMatch(/^(unavailable|malformed|interrupted): /);
      world.connect.reset();
      await makeDue(user);
      await eventually('it is active again', async () => {
        const { status } = await grantLife(world, user);
        return status === 'active';
      });
    },
  );

  it('is replaced by a new consent, which needs no check', async () => {
    const old = await linked('flo');
    world.connect.revokeToken(old.access_token);
    await report('flo');
    expect((await world.linkConnect('flo')).status).toBe(200);
    const token = (await (await world.readConnect('flo', 1)).json()) as ConnectToken;
    expect(token).toMatchObject({ version: 2, stitch_account_id: old.stitch_account_id });
    expect(world.connect.isLive(token.access_token)).toBe(true);
    expect(world.connect.stats.sourceCalls).toBe(0);
  });
});

describe('a stitch-money grant without a refresh token that the API refuses', () => {
  it('is suspended until the user consents anew: nothing can find out whether it lives', async () => {
    const world = await createConnectWorld();
    try {
      await world.link('ann', { untick: ['offline_access'] });
      const answer = await world.post('/tokens/ann/rejections', { version: 1 });
      expect(await answer.json()).toMatchObject({ status: 409, reason: 'suspended' });
      await world.database.query('UPDATE stitch_grants SET refresh_due_at = now()');
      await eventually('it is off the schedule', async () => {
        const { due_in } = await grantLife(world, 'ann', 'stitch-money');
        return due_in === null;
      });
      expect((await grantLife(world, 'ann', 'stitch-money')).status).toBe('suspended');
      await world.link('ann');
      expect((await world.read('ann', '', 1)).status).toBe(200);
    } finally {
      await world.close();
    }
  });
});
