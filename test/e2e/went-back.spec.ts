import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanUp, eventsOf, runCli, temporaryDirectory } from '../integration/programs.js';
import { createConfirmWorld } from '../support/confirm-world.js';
import type { ConfirmWorld } from '../support/confirm-world.js';
import { cloneDatabase } from '../support/database.js';
import { droppedEverywhere } from '../support/grants.js';
import { goBack, keepAside } from '../support/time-machine.js';
import { createClient, launchVault, TEST_KEYRING } from '../support/vault.js';
import type { TestVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const ENVIRONMENT = { REFRESH_POLICY: 'on-demand' };
/** Seconds that a token lives. */
const LIFETIME = 900;

type Callers = Pick<World, 'database' | 'environment'>;

async function cli({ database, environment }: Callers, ...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await runCli([...args, '--json'], {
    ...environment,
    DATABASE_URL: database.url,
    VAULT_KEYRING: TEST_KEYRING,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

/** Makes a token old; its consent stays the same one. */
async function expire({ database, vaults }: Pick<World, 'database' | 'vaults'>, user: string) {
  await database.query(
    `UPDATE stitch_grants SET obtained_at = obtained_at - interval '${LIFETIME} seconds',
       expires_at = expires_at - interval '${LIFETIME} seconds' WHERE user_id = $1`,
    [user],
  );
  await droppedEverywhere(vaults, user);
}

const isReady = async (vault: TestVault) => (await vault.request('/health/ready')).status === 200;

/** What a replica has logged of a kind. */
const heard = ({ logs }: TestVault, name: string) =>
  eventsOf({ stdout: logs.join('') }).filter(({ event }) => event === name);

/** What `/health/ready` says of the history of the database. */
async function historyOf(vault: TestVault): Promise<{ http: number; status?: string }> {
  const answer = await vault.request('/health/ready');
  const { details } = (await answer.json()) as { details: Record<string, object> };
  return { http: answer.status, ...details.history };
}

describe('a database that comes back without its last seconds', () => {
  let world: ConfirmWorld;
  const keys: Record<string, string> = {};
  let callsBefore = 0;
  const served = { rotated: '', replaced: '' };

  const statuses = (user: string) =>
    Promise.all([0, 1].map(async (replica) => (await world.read(user, '', replica)).status));
  const rows = (user: string) =>
    world.database.query<{ version: string; held: boolean }>(
      `SELECT version, held_at IS NOT NULL AS held FROM stitch_grants WHERE user_id = $1`,
      [user],
    );
  const isBelieved = (key: string) =>
    Promise.all(
      world.vaults.map(async (vault) => {
        const { status } = await vault.request('/tokens/rotated', { key });
        return status === 200;
      }),
    );
  const newKey = async (name: string) =>
    createClient(world.database.url, ['tokens:read'], { name });
  const importGrant = async (user: string) => {
    const { accessToken, refreshToken, expiresIn } = world.sandbox.mint();
    const file = join(temporaryDirectory(), 'grants.jsonl');
    const line = { user_id: user, access_token: accessToken, refresh_token: refreshToken };
    writeFileSync(file, `${JSON.stringify({ ...line, expires_in: expiresIn, scope: 'openid' })}\n`);
    await cli(world, 'grants', 'import', file);
  };
  const clientToken = () =>
    world.vault.request('/client-tokens/stitch-money?scope=client_paymentrequest', {
      key: world.key,
    });

  /** All that happens in the seconds that are going to be forgotten. */
  const lastSeconds = async (waiting: string) => {
    const { vault, key } = world;
    await expire(world, 'rotated');
    served.rotated = (await world.token('rotated', 1)).access_token;
    Object.assign(world.sandbox.switches, { tokenFault: 'malformed_after', faultOn: 'refresh' });
    await world.read('holding');
    world.sandbox.reset();
    await world.link('linked');
    await world.link('replaced');
    served.replaced = (await world.token('replaced')).access_token;
    expect(await world.confirm(waiting, 'confirmed')).toMatchObject({ http: 200 });
    await world.deleteGrant('deleted', 1);
    await vault.request('/users/erased', { key, method: 'DELETE' });
    await importGrant('imported');
    await world.read('imported');
    await cli(world, 'clients', 'revoke', 'revoked');
    const rotated = await cli(world, 'clients', 'rotate', 'rotated', '--overlap', '0');
    keys.second = (rotated as { key: string }).key;
    keys.made = await newKey('made');
    expect((await clientToken()).status).toBe(200);
    await eventually('every replica knows of the keys', async () => {
      const ended = [keys.revoked!, keys.first!, keys.expired!, keys.overlapped!];
      const refused = (await Promise.all(ended.map(isBelieved))).flat();
      return !refused.includes(true) && !(await isBelieved(keys.made!)).includes(false);
    });
    await eventually('the answer is held', async () => (await rows('holding'))[0]?.held);
  };

  beforeAll(async () => {
    world = await createConfirmWorld({ environment: ENVIRONMENT });
    for (const user of ['rotated', 'deleted', 'replaced', 'erased', 'holding']) {
      await world.link(user);
    }
    const { id } = await world.consented('confirmed');
    keys.revoked = await newKey('revoked');
    const scope = ['--scope', 'tokens:read'];
    const made = await cli(world, 'clients', 'create', 'expiring', ...scope, '--expires-in', '1');
    keys.expired = (made as { key: string }).key;
    keys.overlapped = await newKey('overlapped');
    await cli(world, 'clients', 'rotate', 'overlapped', '--overlap', '1');
    keys.first = await newKey('rotated');
    await expire(world, 'holding');
    await keepAside(world.database);
    await lastSeconds(id);
    callsBefore = world.sandbox.stats.refreshCalls;
    await goBack(world.database);
    await eventually('every replica has noticed', () =>
      world.vaults.every((vault) => heard(vault, 'database.went_back').length === 1),
    );
    await eventually('every replica is ready', async () =>
      (await Promise.all(world.vaults.map(isReady))).every(Boolean),
    );
  });
  afterEach(cleanUp);
  afterAll(() => world.close());

  it('gets rotations again, and callers the version that they have seen', async () => {
    expect(await rows('rotated')).toEqual([{ version: '2', held: false }]);
    const token = await world.token('rotated', 0);
    expect(token).toMatchObject({ version: 2, access_token: served.rotated });
  });

  it('gets consents and confirmations again', async () => {
    expect(await statuses('linked')).toEqual([200, 200]);
    expect(await statuses('confirmed')).toEqual([200, 200]);
    expect(await rows('linked')).toHaveLength(1);
    expect(await rows('confirmed')).toHaveLength(1);
  });

  it('gets the consent again that took the place of another', async () => {
    for (const replica of [0, 1]) {
      expect((await world.token('replaced', replica)).access_token).toBe(served.replaced);
    }
  });

  it.each(['deleted', 'erased'])('has what was %s deleted again', async (user) => {
    expect(await statuses(user)).toEqual([404, 404]);
    expect(await rows(user)).toEqual([]);
  });

  it('gets an imported grant again that was read', async () => {
    expect(await statuses('imported')).toEqual([200, 200]);
    expect(await rows('imported')).toHaveLength(1);
  });

  it('does not have a spent token presented whose answer is held', async () => {
    expect(await rows('holding')).toEqual([{ version: '1', held: true }]);
    expect(await statuses('holding')).toEqual([503, 503]);
    expect(world.sandbox.stats.refreshCalls).toBe(callsBefore);
  });

  it('believes no revoked or replaced key, and the new one', async () => {
    expect(await isBelieved(keys.revoked!)).toEqual([false, false]);
    expect(await isBelieved(keys.first!)).toEqual([false, false]);
    expect(await isBelieved(keys.second!)).toEqual([true, true]);
  });

  it('believes no key whose time was over in the seconds that it has forgotten', async () => {
    expect(await isBelieved(keys.expired!)).toEqual([false, false]);
    expect(await isBelieved(keys.overlapped!)).toEqual([false, false]);
  });

  it('does not believe a key that it has forgotten: an operator makes it again', async () => {
    await eventually('it is refused', async () => !(await isBelieved(keys.made!)).includes(true));
  });

  it('serves tokens of the client itself, which are asked for anew', async () => {
    expect((await clientToken()).status).toBe(200);
  });
});

describe('a copy of the database', () => {
  it('presents no refresh token until an operator says that it is the original', async () => {
    const world = await createWorld({ environment: ENVIRONMENT });
    const { sandbox, environment } = world;
    await world.link('ann');
    await world.link('ben');
    await expire(world, 'ben');
    const [origin] = await world.database.query('SELECT origin FROM stitch_history');
    expect(origin).toMatchObject({ origin: expect.any(String) });
    await world.vault.stop();
    const copy = await cloneDatabase(world.database);
    const vault = await launchVault({ ...environment, DATABASE_URL: copy.url });
    try {
      const read = (user: string) => vault.request(`/tokens/${user}`, { key: world.key });
      expect(await historyOf(vault)).toMatchObject({
        ...{ http: 503, status: 'down' },
        reason: expect.stringContaining('adopt'),
      });
      expect(heard(vault, 'database.is_a_copy')).toHaveLength(1);
      expect((await read('ann')).status).toBe(200);
      const refused = await read('ben');
      expect(await refused.json()).toMatchObject({ status: 503, code: 'provider_unavailable' });
      expect(sandbox.stats.refreshCalls).toBe(0);
      expect(await cli({ ...world, database: copy }, 'adopt')).toEqual({ adopted: true });
      await eventually('it is ready', () => isReady(vault));
      expect((await read('ben')).status).toBe(200);
      expect(sandbox.stats.refreshCalls).toBe(1);
    } finally {
      await vault.stop();
      await copy.drop();
      await sandbox.close();
      await world.database.drop();
    }
  });
});
