import { metric } from '../support/metrics.js';
import { createClient, freePort, launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

const PENDING = 'stitch_vault_revocations_pending';
const AGE = 'stitch_vault_revocations_age_seconds';

describe('deleting a grant', () => {
  let world: World;
  beforeEach(async () => {
    world = await createWorld({ replicas: 2, environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterEach(() => world.close());

  const remove = (user: string, query = '', replica = 0, key = world.key) =>
    (world.vaults[replica] ?? world.vault).request(`/tokens/${user}${query}`, {
      key,
      method: 'DELETE',
    });
  const token = async (user: string, query = '', replica = 0) =>
    (await (await world.read(user, query, replica)).json()) as TokenAnswer;
  const goneFrom = (user: string, replica: number) =>
    eventually(
      `replica ${String(replica)} answers 404`,
      async () => (await world.read(user, '', replica)).status === 404,
      1000,
    );
  const outbox = () =>
    world.database.query<{ attempts: number; last_error: string | null }>(
      'SELECT attempts, last_error FROM stitch_revocations ORDER BY id',
    );
  const emptied = () =>
    eventually('the outbox is empty', async () => (await outbox()).length === 0);

  it('is 204, at once unreadable here and within a second elsewhere, and revoked', async () => {
    await world.link('ann');
    const { access_token } = await token('ann');
    await token('ann', '', 1);
    const answer = await remove('ann');
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    expect((await world.read('ann')).status).toBe(404);
    await goneFrom('ann', 1);
    await emptied();
    expect(world.sandbox.isLive(access_token)).toBe(false);
    expect(world.sandbox.stats).toMatchObject({ revocationCalls: 1, familiesRevoked: 1 });
    expect(await world.database.query('SELECT 1 FROM stitch_grants')).toEqual([]);
  });

  it('is revoked at a provider that was down at that moment, for as long as it takes', async () => {
    await world.link('ben');
    const { access_token } = await token('ben', '', 1);
    world.sandbox.switches.down = true;
    expect((await remove('ben')).status).toBe(204);
    await goneFrom('ben', 1);
    const failed = (text: string) =>
      eventually(`an attempt failed: ${text}`, async () => {
        const [row] = await outbox();
        return row?.last_error?.startsWith(text) === true && row;
      });
    await failed('interrupted: ');
    Object.assign(world.sandbox.switches, { down: false, revocationFault: '500' });
    expect((await failed('unavailable: ')).attempts).toBeGreaterThan(1);
    expect(await metric(world.vault, PENDING)).toBe(1);
    expect(await metric(world.vault, AGE)).toBeGreaterThan(0);
    expect(world.sandbox.isLive(access_token)).toBe(true);
    world.sandbox.switches.revocationFault = 'none';
    await emptied();
    expect(world.sandbox.isLive(access_token)).toBe(false);
    // The other replica has not been asked yet; what one was told is remembered for a while.
    expect(await metric(world.vaults[1]!, PENDING)).toBe(0);
    expect(world.sandbox.stats.familiesRevoked).toBe(1);
  });

  it('is revoked by whoever comes after, when the replica that deleted it is gone', async () => {
    await world.link('cas');
    const { access_token } = await token('cas');
    world.sandbox.switches.revocationFault = '500';
    await remove('cas');
    await eventually('an attempt failed', async () => (await outbox())[0]?.last_error);
    await Promise.all(world.vaults.splice(0).map((vault) => vault.stop()));
    world.sandbox.switches.revocationFault = 'none';
    expect(world.sandbox.isLive(access_token)).toBe(true);
    const port = String(await freePort());
    world.vaults.push(await launchVault({ ...world.environment, PUBLIC_PORT: port }));
    await emptied();
    expect(world.sandbox.isLive(access_token)).toBe(false);
  });

  it('takes the connection that is named and leaves the others', async () => {
    for (const connection of ['cheque', 'savings']) await world.link('dee', { connection });
    expect((await remove('dee')).status).toBe(204);
    expect((await remove('dee', '?connection=cheque', 1)).status).toBe(204);
    expect((await world.read('dee', '?connection=cheque', 1)).status).toBe(404);
    const kept = await token('dee', '?connection=savings');
    await emptied();
    expect(world.sandbox.isLive(kept.access_token)).toBe(true);
    expect(world.sandbox.stats.revocationCalls).toBe(1);
  });

  it('is done once, however often and by whomever: 20 deletions, one revocation', async () => {
    await world.link('eli');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => remove('eli', '', index % 2)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 204));
    await emptied();
    expect(world.sandbox.stats.revocationCalls).toBe(1);
    expect((await remove('nobody')).status).toBe(204);
  });

  it('revokes nothing where there is no refresh token', async () => {
    await world.link('flo', { untick: ['offline_access'] });
    await remove('flo');
    await goneFrom('flo', 1);
    expect(await outbox()).toEqual([]);
  });

  it('is not undone by a restore under running replicas: a database without its tables counts as away', async () => {
    await world.link('hal');
    const statuses = () =>
      Promise.all([0, 1].map(async (replica) => (await world.read('hal', '', replica)).status));
    expect(await statuses()).toEqual([200, 200]);
    await remove('hal');
    await goneFrom('hal', 1);
    const answers = (status: number) =>
      eventually(`both answer ${String(status)}`, async () =>
        (await statuses()).every((each) => each === status),
      );
    // What a heartbeat finds between the creation of a database and what is restored into it.
    await world.database.query('ALTER TABLE stitch_replicas RENAME TO not_restored_yet');
    await answers(503);
    await world.database.query('ALTER TABLE not_restored_yet RENAME TO stitch_replicas');
    await answers(404);
  });

  it('needs tokens:write and a provider that there is', async () => {
    await world.link('gus');
    const reader = await createClient(world.database.url, ['tokens:read', 'authorizations:write']);
    expect((await remove('gus', '', 0, reader)).status).toBe(403);
    expect((await remove('gus', '?provider=nobody')).status).toBe(400);
    expect((await world.read('gus')).status).toBe(200);
  });
});
