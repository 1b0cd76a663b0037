import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanUp, runCli, temporaryDirectory } from '../integration/programs.js';
import { TEST_KEYRING } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

describe('operator commands beside a running vault', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ environment: { REFRESH_INTERVAL: '1' } });
  });
  afterEach(cleanUp);
  afterAll(() => world.close());

  const cli = (...args: string[]) =>
    runCli(args, { DATABASE_URL: world.database.url, VAULT_KEYRING: TEST_KEYRING });
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli(...args, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^\{.*\}\n$/);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const token = async (userId: string) => {
    const answer = await world.read(userId);
    expect(answer.status).toBe(200);
    return (await answer.json()) as TokenAnswer;
  };
  const importLines = async (lines: readonly object[]) => {
    const file = join(temporaryDirectory(), 'grants.jsonl');
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return json('grants', 'import', file);
  };

  it('grants import brings grants that the vault serves, keeps fresh and revokes', async () => {
    const [fresh, bare] = [world.sandbox.mint(), world.sandbox.mint()];
    const calls = world.sandbox.stats.refreshCalls;
    await importLines([
      {
        user_id: 'fresh',
        access_token: fresh.accessToken,
        refresh_token: fresh.refreshToken,
        expires_in: fresh.expiresIn,
        scope: fresh.scope,
      },
      { user_id: 'bare', refresh_token: bare.refreshToken, scope: bare.scope },
    ]);
    expect(await token('fresh')).toMatchObject({ access_token: fresh.accessToken, version: 1 });
    const renewed = await token('bare');
    expect(renewed.version).toBe(2);
    expect(world.sandbox.isLive(renewed.access_token)).toBe(true);
    expect(world.sandbox.stats.refreshCalls - calls).toBe(1);
    await world.vault.request('/tokens/bare', { key: world.key, method: 'DELETE' });
    await eventually('it is revoked', () => !world.sandbox.isLive(renewed.access_token));
  });

  it('grants retry makes a grant active again that its provider refused by mistake', async () => {
    for (const user of ['rue', 'sol']) await world.link(user);
    // As a provider's incident leaves them: given up, their tokens good all the while.
    await world.database.query(
      `UPDATE stitch_grants SET status = 'reauthorization_required', reason = 'grant_revoked',
         refresh_due_at = NULL, retired_at = now() WHERE user_id IN ('rue', 'sol')`,
    );
    await eventually('it is refused', async () => (await world.read('rue')).status === 409);
    const since = new Date(Date.now() + 3_600_000).toISOString();
    for (const filter of [
      ['--reason', 'rotation_lost'],
      ['--since', since],
      ['--user', 'nobody'],
    ]) {
      expect(await json('grants', 'retry', ...filter)).toEqual({ scheduled: 0 });
    }
    const wanted = [
      '--user',
      'rue',
      '--reason',
      'grant_revoked',
      '--since',
      '2026-01-01T00:00:00Z',
    ];
    expect(await json('grants', 'retry', ...wanted)).toEqual({ scheduled: 1 });
    await eventually('it is served', async () => (await world.read('rue')).status === 200);
    const renewed = await token('rue');
    expect(renewed.version).toBe(2);
    expect(world.sandbox.isLive(renewed.access_token)).toBe(true);
    expect((await world.read('sol')).status).toBe(409);
    const types = await world.database.query<{ type: string }>(
      `SELECT type FROM stitch_events WHERE user_id = 'rue' ORDER BY id DESC LIMIT 1`,
    );
    expect(types).toEqual([{ type: 'grant.reinstated' }]);
  });

  it('grants retry tells of no second loss where a grant is refused once more', async () => {
    await world.link('ula');
    world.sandbox.revokeGrantOf((await token('ula')).access_token);
    await world.database.query(
      `UPDATE stitch_grants SET status = 'reauthorization_required', reason = 'rotation_lost',
         refresh_due_at = NULL, retired_at = now() WHERE user_id = 'ula'`,
    );
    expect(await json('grants', 'retry', '--user', 'ula')).toEqual({ scheduled: 1 });
    const told = (event: string) =>
      world.vault.logs.filter((line) => line.includes(`"${event}"`) && line.includes('"ula"'));
    await eventually('it is over', async () => {
      const rows = await world.database.query(
        `SELECT 1 FROM stitch_grants WHERE user_id = 'ula' AND reason = 'rotation_lost'
           AND status = 'reauthorization_required' AND refresh_due_at IS NULL
           AND lease_owner IS NULL AND last_error = 'invalid_grant'`,
      );
      return rows.length === 1;
    });
    expect(told('grant.rotation_failed')).toHaveLength(1);
    expect(told('grant.reauthorization_required')).toEqual([]);
  });

  it('grants import --replace of a line imported before does not undo what was rotated since', async () => {
    const minted = world.sandbox.mint();
    const file = join(temporaryDirectory(), 'grants.jsonl');
    const line = { user_id: 'rotated', refresh_token: minted.refreshToken, scope: minted.scope };
    writeFileSync(file, JSON.stringify(line));
    expect(await json('grants', 'import', file)).toMatchObject({ imported: 1 });
    const { access_token } = await token('rotated');
    expect(await json('grants', 'import', file, '--replace')).toMatchObject({ unchanged: 1 });
    expect((await token('rotated')).access_token).toBe(access_token);
  });

  it('grants list, show and delete tell of grants without a token', async () => {
    for (const connection of ['one', 'two']) await world.link('lia', { connection });
    const first = await json('grants', 'list', '--user-id', 'lia', '--limit', '1');
    const cursor = String(first.next_cursor);
    const rest = await json('grants', 'list', '--user-id', 'lia', '--cursor', cursor);
    expect(first.items).toMatchObject([{ user_id: 'lia', connection: 'one', status: 'active' }]);
    expect(rest).toMatchObject({ items: [{ connection: 'two' }], next_cursor: null });
    expect(await json('grants', 'list', '--status', 'suspended')).toEqual({
      items: [],
      next_cursor: null,
    });
    const names = ['lia', '--connection', 'two'];
    const shown = await json('grants', 'show', ...names);
    const api = await world.vault.request('/grants?user_id=lia', { key: world.key });
    expect([first.items, rest.items].flat()).toEqual(((await api.json()) as typeof rest).items);
    expect(shown).toEqual((rest.items as unknown[])[0]);
    expect((await cli('grants', 'list', '--user', 'lia')).stdout).toMatch(
      /^PROVIDER .*\nstitch-money +lia +one +active .*\nstitch-money +lia +two +active .*\n$/,
    );
    expect((await cli('grants', 'show', ...names)).stdout).toMatch(/^version +1$/m);

    const { access_token } = (await (
      await world.read('lia', '?connection=two')
    ).json()) as TokenAnswer;
    expect(await json('grants', 'delete', ...names)).toEqual({
      deleted: { provider: 'stitch-money', user_id: 'lia', connection: 'two' },
    });
    await eventually(
      'the vault knows',
      async () => (await world.read('lia', '?connection=two')).status === 404,
      1000,
    );
    await eventually('it is revoked', () => !world.sandbox.isLive(access_token));
    for (const action of ['show', 'delete', 'refresh']) {
      expect(await cli('grants', action, ...names)).toEqual({
        code: 1,
        stdout: '',
        stderr: 'There is no grant stitch-money/lia/two.\n',
      });
    }
  });

  it('grants refresh has the running vault refresh a grant, and says so', async () => {
    await world.link('mia');
    const { access_token } = await token('mia');
    expect(await json('grants', 'refresh', 'mia')).toEqual({
      provider: 'stitch-money',
      user_id: 'mia',
      connection: 'default',
      version: 1,
      outcome: 'refresh_due',
    });
    const renewed = await eventually('it is refreshed', async () => {
      const shown = await json('grants', 'show', 'mia');
      return shown.version === 2;
    });
    expect(renewed).toBe(true);
    expect(world.sandbox.isLive(access_token)).toBe(true);
  });

  it('grants refresh says why it can do nothing', async () => {
    await world.link('nia', { untick: ['offline_access'] });
    expect(await cli('grants', 'refresh', 'nia')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'stitch-money/nia/default cannot be refreshed: it has no refresh token.\n',
    });
    await world.database.query(
      `UPDATE stitch_grants SET status = 'reauthorization_required' WHERE user_id = 'nia'`,
    );
    expect((await cli('grants', 'refresh', 'nia')).stderr).toMatch(/reauthorization_required/);
  });

  it('events list pages through the log', async () => {
    const page = await json('events', 'list', '--limit', '1');
    const next = await json(
      'events',
      'list',
      '--after',
      String(page.next_cursor),
      '--limit',
      '500',
    );
    const api = await world.vault.request('/events?limit=500', { key: world.key });
    const { items } = (await api.json()) as { items: { id: string }[] };
    expect([page.items, next.items].flat()).toEqual(items);
    const { stdout } = await cli('events', 'list', '--after', items[0]?.id ?? '');
    expect(stdout.split('\n')).toHaveLength(items.length + 2);
    expect(stdout).toMatch(/grant\.deleted +stitch-money +lia +two +-$/m);
    expect((await json('events', 'list', '--user', 'nobody')).items).toEqual([]);
    expect((await json('events', 'list', '--after', String(next.next_cursor))).items).toEqual([]);
    const unknown = '00000000-0000-4000-8000-000000000000';
    expect(await cli('events', 'list', '--after', unknown)).toMatchObject({ code: 1, stdout: '' });
  });

  it.each([
    [['grants', 'list', '--status', 'asleep']],
    [['grants', 'list', '--limit', '0']],
    [['grants', 'list', '--cursor', 'x']],
    [['grants', 'show']],
    [['grants', 'show', 'a b']],
    [['grants', 'delete', 'ann', '--connection', '/']],
    [['grants', 'refresh', 'ann', '--provider', 'X']],
    [['events', 'list', '--after', 'x']],
  ])('end with 2 for the usage %j', async (args) => {
    const { code, stdout, stderr } = await cli(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
