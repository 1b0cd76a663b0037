import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Keyring, Sealer } from '../../src/encryption/index.js';
import { TokenSealer } from '../../src/grants/index.js';
import { readAudit, takenOver, verifyAudit } from '../support/audit.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { launchVault } from '../support/vault.js';
import type { TestVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer } from '../support/world.js';
import { cleanUp, runCli, start } from './programs.js';

const OLD = { id: 'old-2025', key: Buffer.alloc(32, 1) };
const NEW = { id: 'new-2026', key: Buffer.alloc(32, 2) };
const spell = (keys: (typeof OLD)[]) =>
  keys.map(({ id, key }) => `${id}:${key.toString('base64')}`).join(',');
const both = spell([NEW, OLD]);

const document = (stdout: string) => {
  expect(stdout).toMatch(/^\{.*\}\n$/);
  return JSON.parse(stdout) as Record<string, unknown>;
};

const old = new Sealer(new Keyring([OLD]));
const tokens = new TokenSealer(old);
const nameOf = (userId: string) => ({ provider: 'stitch-money', userId, connection: 'default' });

async function insertGrants(database: TestDatabase, users: readonly string[]): Promise<void> {
  await database.query(
    `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
       refresh_token, scope, obtained_at)
     SELECT 'stitch-money', u, 'default', gen_random_uuid(), 'active', a, r, '', now()
     FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS t(u, a, r)`,
    [
      users,
      users.map((user) => tokens.seal(`access of ${user}`, 'access_token', nameOf(user))),
      users.map((user) => tokens.seal(`refresh of ${user}`, 'refresh_token', nameOf(user))),
    ],
  );
}

/** A request and its three secrets under the old key. */
async function insertRequest(database: TestDatabase, status: string, expires: string) {
  const id = randomUUID();
  const sealed = (column: string) =>
    old.seal(`a ${column}`, ['stitch_authorization_requests', column, id]);
  await database.query(
    `INSERT INTO stitch_authorization_requests (id, stitch_state, user_id, provider, connection,
       code_verifier, code_challenge, nonce, redirect_uri, scope, prefill, status, expires_at)
     VALUES ($1::uuid, $1::text, 'u', 'p', 'c', $2, '', $3, '', '', $4, $5, now() + $6::interval)`,
    [id, sealed('code_verifier'), sealed('nonce'), sealed('prefill'), status, expires],
  );
  return id;
}

describe('keys status and keys rewrap', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(async () => {
    await cleanUp();
    await database.drop();
  });

  const cli = (args: string[], keyring = both) =>
    runCli(args, { DATABASE_URL: database.url, VAULT_KEYRING: keyring });
  const status = async (keyring = both) =>
    document((await cli(['keys', 'status', '--json'], keyring)).stdout);
  const usage = (newValues: number, oldValues: number) => ({
    primary: NEW.id,
    keys: [
      { id: NEW.id, in_keyring: true, sealed_values: newValues },
      { id: OLD.id, in_keyring: true, sealed_values: oldValues },
    ],
  });

  it('seal everything anew: grants, what is unconfirmed, revocations and open requests', async () => {
    await insertGrants(database, ['ann', 'bob', 'cleo']);
    // One grant without a refresh token, one set aside to be confirmed, one to be revoked.
    await database.query(`UPDATE stitch_grants SET refresh_token = NULL WHERE user_id = 'ann'`);
    await database.query(
      `INSERT INTO stitch_unconfirmed_grants (grant_id, provider, user_id, connection,
         access_token, refresh_token, scope, obtained_at)
       SELECT grant_id, provider, user_id, connection, access_token, refresh_token, scope,
         obtained_at FROM stitch_grants WHERE user_id = 'bob'`,
    );
    await database.query(
      `INSERT INTO stitch_revocations (provider, user_id, connection, refresh_token)
       SELECT provider, user_id, connection, refresh_token FROM stitch_grants
       WHERE user_id = 'cleo'`,
    );
    const open = await insertRequest(database, 'pending', '1 hour');
    await insertRequest(database, 'completed', '1 hour');
    await insertRequest(database, 'pending', '-1 hour');
    expect(await status()).toEqual(usage(0, 8 + 9));

    const ended = await cli(['keys', 'rewrap', '--json']);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    // The secrets of the two requests that have ended are gone, not sealed anew.
    expect(document(ended.stdout)).toEqual({ rewrapped: 8 + 3, remaining: 0 });
    // With the key of the audit, which the command has made.
    expect(await status()).toEqual(usage(8 + 3 + 1, 0));

    // All of it opens under the new key alone, in its place.
    const sealer = new Sealer(new Keyring([NEW]));
    const moved = new TokenSealer(sealer);
    const rows = await database.query<{ user_id: string; access_token: Buffer }>(
      'SELECT user_id, access_token FROM stitch_grants',
    );
    for (const { user_id, access_token } of rows) {
      const text = moved.open(access_token, 'access_token', nameOf(user_id));
      expect(text).toBe(`access of ${user_id}`);
    }
    for (const [table, user] of [
      ['stitch_unconfirmed_grants', 'bob'],
      ['stitch_revocations', 'cleo'],
    ] as const) {
      const [row] = await database.query<{ refresh_token: Buffer }>(
        `SELECT refresh_token FROM ${table}`,
      );
      const text = row && moved.open(row.refresh_token, 'refresh_token', nameOf(user));
      expect(text).toBe(`refresh of ${user}`);
    }
    const requests = await database.query<{ id: string; prefill: Buffer | null; nonce: Buffer }>(
      'SELECT id, prefill, nonce FROM stitch_authorization_requests',
    );
    for (const { id, prefill, nonce } of requests) {
      if (id !== open)
        expect({ prefill, nonce: nonce.length }).toEqual({ prefill: null, nonce: 0 });
      else {
        const context = ['stitch_authorization_requests', 'prefill', id];
        expect(prefill && sealer.open(prefill, context)).toBe('a prefill');
      }
    }
    // Nothing is left to do: the old key can go.
    const again = await cli(['keys', 'rewrap', '--json'], spell([NEW]));
    expect(document(again.stdout)).toEqual({ rewrapped: 0, remaining: 0 });
  });

  it('say in words what is left and end with 1 while a value does not open', async () => {
    await insertGrants(database, ['ann', 'bob']);
    await database.query(
      `UPDATE stitch_grants SET access_token = access_token || '\\x00' WHERE user_id = 'bob'`,
    );
    const { code, stdout, stderr } = await cli(['keys', 'rewrap']);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: `3 values sealed anew under new-2026, 1 left.\n`,
    });
    expect(stderr).toMatch(/^Values are left under other keys: .*\n$/);
    const lines = (await cli(['keys', 'status'], spell([NEW]))).stdout.split('\n');
    expect(lines[2]).toMatch(/^old-2025 +1 +not in the keyring$/);
  });

  it('need the keyring, and never make one up', async () => {
    for (const command of ['status', 'rewrap']) {
      const { code, stderr } = await runCli(['keys', command], { DATABASE_URL: database.url });
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: 'VAULT_KEYRING: id:base64(32 bytes), comma-separated, ids unique\n',
      });
    }
  });

  it('never put an older value in the place of a newer one, nor wait for a locked row', async () => {
    await insertGrants(database, ['ann', 'bob']);
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    const newer = tokens.seal('newer', 'access_token', nameOf('ann'));
    await other.query('BEGIN');
    await other.query(`UPDATE stitch_grants SET access_token = $1 WHERE user_id = 'ann'`, [newer]);
    const running = start('cli.js', ['keys', 'rewrap', '--json'], {
      DATABASE_URL: database.url,
      VAULT_KEYRING: both,
    });
    // The row that nobody holds is done while the other one is held.
    await eventually('the free row is sealed anew', async () => {
      const rows = await database.query(
        `SELECT 1 FROM stitch_grants WHERE user_id = 'bob' AND encode(access_token, 'escape') LIKE '%new-2026%'`,
      );
      return rows.length === 1;
    });
    await other.query('COMMIT');
    await other.end();
    const { code, stdout } = await running.ended;
    expect({ code, ...document(stdout) }).toEqual({ code: 0, rewrapped: 4, remaining: 0 });
    const [row] = await database.query<{ access_token: Buffer }>(
      `SELECT access_token FROM stitch_grants WHERE user_id = 'ann'`,
    );
    const sealer = new TokenSealer(new Sealer(new Keyring([NEW])));
    expect(row && sealer.open(row.access_token, 'access_token', nameOf('ann'))).toBe('newer');
  });

  it('go on where a killed run stopped', async () => {
    const users = Array.from({ length: 20_000 }, (_, index) => `user-${String(index)}`);
    await insertGrants(database, users);
    const killed = start('cli.js', ['keys', 'rewrap'], {
      DATABASE_URL: database.url,
      VAULT_KEYRING: both,
    });
    const rewrapped = async () => {
      const [row] = await database.query<{ done: number }>(
        `SELECT count(*)::int AS done FROM stitch_grants
         WHERE encode(substring(access_token FROM 3 FOR 8), 'escape') = 'new-2026'`,
      );
      return row?.done ?? 0;
    };
    await eventually('some of it is done', async () => (await rewrapped()) > 0);
    killed.kill('SIGKILL');
    await killed.ended;
    const done = await rewrapped();
    expect(done).toBeLessThan(20_000);
    const { code, stdout } = await cli(['keys', 'rewrap', '--json']);
    const { rewrapped: rest, remaining } = document(stdout) as Record<string, number>;
    expect({ code, remaining }).toEqual({ code: 0, remaining: 0 });
    expect(rest).toBeLessThanOrEqual(2 * (20_000 - done));
    expect(await status()).toEqual(usage(40_000 + 1, 0));
  });

  it('bind what an earlier version sealed, and do not make right what somebody altered', async () => {
    const tokenOf = async (user: string, sealer: TokenSealer) => {
      const [row] = await database.query<{ id: string; token: Buffer }>(
        'SELECT grant_id AS id, access_token AS token FROM stitch_grants WHERE user_id = $1',
        [user],
      );
      const shown = { ...nameOf(user), grantId: row!.id, scopes: ['a'], status: 'active' } as const;
      return {
        altered: sealer.isOfAnother(row!.token, 'access_token', shown),
        // Whatever it shows: what is bound to nothing counts as its own.
        bound: sealer.isOfAnother(row!.token, 'access_token', { ...shown, scopes: ['other'] }),
      };
    };
    await insertGrants(database, ['earlier', 'bound', 'altered']);
    await database.query(`UPDATE stitch_grants SET scope = 'a'`);
    for (const user of ['bound', 'altered']) {
      const [row] = await database.query<{ id: string }>(
        'SELECT grant_id AS id FROM stitch_grants WHERE user_id = $1',
        [user],
      );
      const scopes = user === 'bound' ? ['a'] : [];
      const consent = { grantId: row!.id, scopes, confirmed: true };
      await database.query('UPDATE stitch_grants SET access_token = $2 WHERE user_id = $1', [
        user,
        tokens.seal(`access of ${user}`, 'access_token', nameOf(user), consent),
      ]);
    }
    expect(await tokenOf('earlier', tokens)).toEqual({ altered: false, bound: false });
    expect(await tokenOf('altered', tokens)).toEqual({ altered: true, bound: true });

    expect(await cli(['keys', 'rewrap', '--json'])).toMatchObject({ code: 0 });
    const anew = new TokenSealer(new Sealer(new Keyring([NEW])));
    expect(await tokenOf('earlier', anew)).toEqual({ altered: false, bound: true });
    expect(await tokenOf('bound', anew)).toEqual({ altered: false, bound: true });
    expect(await tokenOf('altered', anew)).toEqual({ altered: true, bound: true });
  });
});

describe('two replicas with another first key', () => {
  it('read and rotate what the other one has sealed, before and after a rewrap', async () => {
    const world = await createWorld({ environment: { VAULT_KEYRING: spell([OLD, NEW]) } });
    const { key } = world;
    await world.link('ann');
    // By the replica that has the old key first.
    await takenOver(world.database);
    const ahead = await launchVault({ ...world.environment, VAULT_KEYRING: both });
    const rewrap = async () => {
      const environment = { DATABASE_URL: world.database.url, VAULT_KEYRING: both };
      return document((await runCli(['keys', 'rewrap', '--json'], environment)).stdout);
    };
    const read = async (vault: TestVault) =>
      (await (await vault.request('/tokens/ann', { key })).json()) as TokenAnswer;
    const reject = async (vault: TestVault, version: number) => {
      const body = JSON.stringify({ version });
      const answer = await vault.request('/tokens/ann/rejections', { key, method: 'POST', body });
      return (await answer.json()) as TokenAnswer;
    };
    const first = await read(world.vault);
    expect(await read(ahead)).toMatchObject({ access_token: first.access_token, version: 1 });
    const second = await reject(ahead, 1);
    expect(await read(world.vault)).toMatchObject({ access_token: second.access_token });
    const third = await reject(world.vault, 2);
    expect(await read(ahead)).toMatchObject({ access_token: third.access_token, version: 3 });
    // The replica that has the old key first has sealed its rotation under that, as it did the key
    // of the audit.
    expect(await rewrap()).toEqual({ rewrapped: 2 + 1, remaining: 0 });
    for (const vault of [world.vault, ahead]) {
      expect(await read(vault)).toMatchObject({ access_token: third.access_token, version: 3 });
    }
    expect(await reject(world.vault, 3)).toMatchObject({ version: 4 });
    expect(await rewrap()).toEqual({ rewrapped: 2, remaining: 0 });
    // The key of the audit has outlived the key that it was sealed under.
    expect(await verifyAudit(world.database.url, [], spell([NEW]))).toMatchObject({ ok: true });
    // A reader sees nothing above what somebody is still writing.
    const told = await eventually('the audit tells of all five', async () => {
      const kept = await readAudit(world.vault, key, '&type=keys.rewrapped');
      return kept.reduce((sum, { count }) => sum + count, 0) === 5 && kept;
    });
    expect(new Set(told.map(({ client }) => client))).toEqual(new Set(['operator']));
    await ahead.stop();
    await world.close();
  });
});
