import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseKeyring } from '../../src/config/parsers.js';
import { knownMigrations } from '../../src/database/migrator.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { cleanUp, runCli, runCliProcess, temporaryDirectory } from './programs.js';

/** Reads what `--json` printed: one document on one line, and nothing else. */
function document(stdout: string): Record<string, unknown> {
  expect(stdout).toMatch(/^\{.*\}\n$/);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('node dist/cli.js', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterEach(cleanUp);
  afterAll(() => database.drop());

  const cli = (...args: string[]) => runCli(args, { DATABASE_URL: database.url });

  it('lists its commands with --help and ends with 0', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of ['migrate', 'clients', 'keys']) expect(stdout).toContain(command);
  });

  it.each([
    [0, ['clients', 'list', '--json']],
    [1, ['clients', 'revoke', 'nobody']],
    [2, ['clients', 'create', 'no-scope']],
  ])(
    'ends with %i as a process of its own, and says the same as in a shared one',
    async (code, args) => {
      const ended = await runCliProcess(args, { DATABASE_URL: database.url });
      expect(ended.code).toBe(code);
      expect(ended).toEqual(await cli(...args));
    },
  );

  it.each([
    [[]],
    [['migrate', 'sideways']],
    [['clients', 'create', 'no-scope']],
    [['clients', 'create', 'x', '--scope', 'everything']],
    [['clients', 'create', '', '--scope', 'admin']],
    [['keys', 'generate', '--id', 'a:b']],
  ])('ends with 2 and a hint on stderr alone for the usage %j', async (args) => {
    const { code, stdout, stderr } = await cli(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('runs, shows and reverts migrations in words', async () => {
    const empty = await createDatabase({ empty: true });
    const migrate = (...args: string[]) =>
      runCli(['migrate', ...args], { DATABASE_URL: empty.url });
    const names = knownMigrations();
    const lines = (prefix: string) => names.map((name) => `${prefix} ${name}\n`).join('');
    expect(await migrate('show')).toMatchObject({ code: 0, stdout: lines('[ ]') });
    expect(await migrate()).toMatchObject({ code: 0, stdout: lines('Applied') });
    expect(await migrate('run')).toMatchObject({
      code: 0,
      stdout: 'The database is up to date.\n',
    });
    const reverted = `Reverted ${names.at(-1) ?? ''}\n`;
    expect(await migrate('revert')).toMatchObject({ code: 0, stdout: reverted });
    await empty.drop();
  });

  it('runs, shows and reverts migrations as JSON', async () => {
    const empty = await createDatabase({ empty: true });
    const migrate = async (action: string) =>
      document((await runCli(['migrate', action, '--json'], { DATABASE_URL: empty.url })).stdout);
    const names = knownMigrations();
    expect(await migrate('run')).toEqual({ applied: names });
    expect(await migrate('revert')).toEqual({ reverted: names.slice(-1) });
    const states = names.map((name, index) => ({ name, applied: index < names.length - 1 }));
    expect(await migrate('show')).toEqual({ migrations: states });
    await empty.drop();
  });

  it('ends a migration that fails with 1 and a sentence on stderr', async () => {
    const occupied = await createDatabase({ empty: true });
    await occupied.query('CREATE TABLE service_clients (in_the_way integer)');
    const ended = await runCli(['migrate', '--json'], { DATABASE_URL: occupied.url });
    expect(ended.code).toBe(1);
    expect(document(ended.stdout)).toMatchObject({ error: { code: 'failed' } });
    expect(ended.stderr).toMatch(/^.*service_clients.*\n$/);
    await occupied.drop();
  });

  it('creates a client, prints its key once and stores only the hash of it', async () => {
    const scopes = ['tokens:read', 'authorizations:write'];
    const args = scopes.flatMap((scope) => ['--scope', scope]);
    const created = await cli('clients', 'create', 'reporting', ...args, '--json');
    const { key, api_key, ...rest } = document(created.stdout);
    expect(created).toMatchObject({ code: 0, stderr: '' });
    expect(rest).toEqual({ name: 'reporting', scopes });
    expect(api_key).toBe(key);
    expect(key).toMatch(/^stv_[A-Za-z0-9_-]{43}$/);
    const [row] = await database.query<{ key_hash: Buffer; text: string }>(
      `SELECT c.key_hash, c::text AS text FROM service_clients c WHERE name = 'reporting'`,
    );
    expect(row?.key_hash).toEqual(createHash('sha256').update(String(key)).digest());
    expect(row?.text).not.toContain(String(key).slice(4));
    const listed = await cli('clients', 'list');
    expect(listed.stdout).toMatch(/^reporting +tokens:read,authorizations:write +valid$/m);
    expect(listed.stdout).not.toContain(String(key).slice(4));
  });

  it('refuses a name that is taken in one line, and keeps the first key', async () => {
    const create = (name: string) => cli('clients', 'create', name, '--scope', 'admin');
    const first = await create('taken');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(
      /^stv_\S{43}\nThis key is shown once and stored only as a hash\.\n$/,
    );
    const { code, stdout, stderr } = await create('taken');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe('There is a client named taken already\n');
    const rows = await database.query(`SELECT 1 FROM service_clients WHERE name = 'taken'`);
    expect(rows).toHaveLength(1);
  });

  it('revokes a client, lists it as revoked, and has nothing left to revoke', async () => {
    await cli('clients', 'create', 'short-lived', '--scope', 'admin');
    expect(document((await cli('clients', 'revoke', 'short-lived', '--json')).stdout)).toEqual({
      revoked: 'short-lived',
    });
    const { clients } = document((await cli('clients', 'list', '--json')).stdout);
    expect(clients).toContainEqual({
      name: 'short-lived',
      scopes: ['admin'],
      providers: null,
      user_prefixes: null,
      subject: null,
      certificate: null,
      has_key: true,
      expires_at: null,
      previous_key_expires_at: null,
      created_at: expect.stringMatching(/Z$/),
      revoked_at: expect.stringMatching(/Z$/),
      last_used_at: null,
    });
    expect(await cli('clients', 'revoke', 'short-lived')).toMatchObject({ code: 1, stdout: '' });
    const nobody = await cli('clients', 'revoke', 'nobody', '--json');
    const message = 'There is no valid client named nobody';
    expect(nobody).toMatchObject({ code: 1, stderr: `${message}\n` });
    expect(document(nobody.stdout)).toEqual({ error: { code: 'failed', message } });
    const nothing = await cli('clients', 'revoke', '--json');
    expect(nothing.code).toBe(2);
    expect(document(nothing.stdout)).toMatchObject({ error: { code: 'usage' } });
  });

  it('generates keys that the keyring takes, another one each time, without a database', async () => {
    const first = await runCli(['keys', 'generate', '--id', 'main-2026']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(parseKeyring(first.stdout.trim())).toMatchObject([{ id: 'main-2026' }]);
    const second = document((await runCli(['keys', 'generate', '--json'])).stdout);
    const [entry] = parseKeyring(String(second.key));
    expect(entry?.id).toBe(second.id);
    expect(entry?.key).not.toEqual(parseKeyring(first.stdout.trim())[0]?.key);
  });

  it('says in one sentence that the database is not migrated', async () => {
    const empty = await createDatabase({ empty: true });
    // A table that is not there, a function, and a statement within a transaction.
    for (const command of ['clients list', 'audit list', 'clients revoke nobody']) {
      const ended = await runCli([...command.split(' '), '--json'], { DATABASE_URL: empty.url });
      expect(ended.code).toBe(1);
      expect(document(ended.stdout)).toMatchObject({ error: { code: 'failed' } });
      expect(ended.stderr).toMatch(/^The database is not migrated yet: .*migrat.*\n$/);
    }
    await empty.drop();
  });

  it.each([
    ['is missing', {}],
    ['is something else', { DATABASE_URL: 'mysql://zz:zz@zz/zz' }],
  ])('says in one line that DATABASE_URL %s, and never its value', async (_, environment) => {
    const { code, stdout, stderr } = await runCli(['clients', 'list'], environment);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^DATABASE_URL: .+\n$/);
    expect(stderr).not.toContain('zz');
  });

  it('says in one line that the database cannot be reached, without its URL', async () => {
    const environment = { DATABASE_URL: 'postgres://zz:zz@127.0.0.1:1/zz' };
    for (const args of [['migrate'], ['clients', 'list']]) {
      const { code, stdout, stderr } = await runCli(args, environment);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^The database cannot be reached.*\n$/);
      expect(stderr).not.toContain('zz');
    }
  });

  it('reads DATABASE_URL from the file that DATABASE_URL_FILE names', async () => {
    const file = join(temporaryDirectory(), 'url');
    writeFileSync(file, `${database.url}\n`);
    const ended = await runCli(['migrate', 'show', '--json'], { DATABASE_URL_FILE: file });
    expect(ended.code).toBe(0);
    expect(document(ended.stdout)).toHaveProperty('migrations');
  });
});
