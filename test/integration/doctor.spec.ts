import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startStitchMoney } from '../../sandbox/index.js';
import type { StitchMoneySandbox } from '../../sandbox/index.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { TEST_KEYRING, freePort } from '../support/vault.js';
import { grantLine } from './imports.js';
import { cleanUp, runCli, temporaryDirectory } from './programs.js';

interface Check {
  name: string;
  ok: boolean;
  detail: string;
}

describe('doctor', () => {
  let database: TestDatabase;
  let sandbox: StitchMoneySandbox;
  const servers: Server[] = [];
  beforeAll(async () => {
    database = await createDatabase();
    sandbox = await startStitchMoney();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
    await cleanUp();
  });
  afterAll(async () => {
    await sandbox.close();
    await database.drop();
  });

  /** A whole environment, in which nothing is wrong. */
  const healthy = () => ({
    NODE_ENV: 'test',
    DATABASE_URL: database.url,
    VAULT_KEYRING: TEST_KEYRING,
    SPOOL_DIR: temporaryDirectory(),
    STITCH_MONEY_ISSUER: sandbox.url,
    STITCH_MONEY_CLIENT_ID: sandbox.clientId,
    STITCH_MONEY_CLIENT_SECRET: sandbox.clientSecret,
    STITCH_MONEY_JWKS_URI: `${sandbox.url}/connect/jwks`,
  });
  const doctor = async (environment: Record<string, string>) => {
    const { code, stdout } = await runCli(['doctor', '--json'], environment);
    expect(stdout).toMatch(/^\{.*\}\n$/);
    const found = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
    expect({ code, ok: found.ok }).toEqual(
      found.checks.every(({ ok }) => ok) ? { code: 0, ok: true } : { code: 1, ok: false },
    );
    return found.checks;
  };
  const failing = async (environment: Record<string, string>) =>
    (await doctor(environment)).filter(({ ok }) => !ok);

  it('finds nothing wrong where nothing is, says that there is no standby, and changes nothing', async () => {
    const sql = `SELECT (SELECT string_agg(h::text, ',') FROM stitch_history h) AS history,
      (SELECT count(*)::int FROM stitch_replicas) AS replicas`;
    const before = await database.query(sql);
    const checks = await doctor(healthy());
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    for (const part of [
      'config',
      'database',
      'migrations',
      'keyring',
      'spool',
      'clock',
      'provider',
    ]) {
      expect(checks.map(({ name }) => name).filter((name) => name.includes(part))).not.toEqual([]);
    }
    expect(checks.find(({ name }) => name === 'database standby')?.detail).toMatch(
      /^no synchronous standby/,
    );
    const endpoints = checks.filter(({ name }) => name.startsWith('provider stitch-money'));
    expect(endpoints.map(({ name }) => name.split(' ').at(-1)).sort()).toEqual([
      ...['authorization', 'keys', 'revocation', 'token'],
    ]);
    // No call of it could have spent anything.
    expect(sandbox.stats.tokenCalls).toBe(0);
    expect(await database.query(sql)).toEqual(before);
  });

  it('prints one line for each thing, and what fails on stderr in a sentence', async () => {
    const { code, stdout, stderr } = await runCli(['doctor'], { ...healthy(), PORT: 'x' });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL config +set PORT: /m);
    expect(stdout).toMatch(/^ok {3}migrations /m);
    expect(stderr).toMatch(/^1 of \d+ checks failed\.\n$/);
  });

  it('says what is wrong with each part when nearly everything is missing', async () => {
    const names = (await failing({ NODE_ENV: 'production' })).map(({ name }) => name);
    expect([...new Set(names)].sort()).toEqual(
      ['clock', 'config', 'database', 'keyring', 'migrations', 'provider'].sort(),
    );
  });

  it('works while the database is down, of another password, missing or not migrated', async () => {
    const at = (change: (url: URL) => void) => {
      const url = new URL(database.url);
      change(url);
      return failing({ ...healthy(), DATABASE_URL: url.href });
    };
    const port = String(await freePort());
    expect(await at((url) => (url.port = port))).toContainEqual({
      name: 'database',
      ok: false,
      detail: expect.stringMatching(/ECONNREFUSED.*start PostgreSQL/) as string,
    });
    const missing = await at((url) => (url.pathname = '/no_such_database'));
    expect(missing[0]?.detail).toMatch(/no_such_database cannot be reached \(3D000\): .*create it/);
    const empty = await createDatabase({ empty: true });
    const unmigrated = await failing({ ...healthy(), DATABASE_URL: empty.url });
    expect(unmigrated.map(({ name }) => name)).toEqual(['migrations', 'keyring']);
    expect(unmigrated[0]?.detail).toContain('npm run migration:run');
    await empty.drop();
  });

  it('misses the key that sealed something', async () => {
    await database.query(
      `INSERT INTO client_tokens (provider, client_id, scope, access_token)
       VALUES ('p', 'c', 's', '\\x01046f6c6464'::bytea)`,
    );
    const found = await failing(healthy());
    await database.query('DELETE FROM client_tokens');
    expect(found).toEqual([
      { name: 'keyring', ok: false, detail: expect.stringMatching(/key oldd of 1 row/) as string },
    ]);
  });

  it('refuses a spool that is a file', async () => {
    const file = join(temporaryDirectory(), 'spool');
    writeFileSync(file, '');
    const [found] = await failing({ ...healthy(), SPOOL_DIR: file });
    expect(found).toMatchObject({ name: 'spool', detail: expect.stringContaining('SPOOL_DIR') });
  });

  it('takes 404, 405 and 500 for an answer, and neither silence nor a gateway that reaches nobody', async () => {
    const serve = async (answer: number | undefined) => {
      const server = createServer((_, response) => {
        if (answer) response.writeHead(answer).end();
      }).listen(0, '127.0.0.1');
      servers.push(server);
      await new Promise((resolve) => server.once('listening', resolve));
      return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/x`;
    };
    const found = await failing({
      ...healthy(),
      STITCH_MONEY_AUTHORIZATION_ENDPOINT: await serve(404),
      STITCH_MONEY_TOKEN_ENDPOINT: await serve(405),
      STITCH_MONEY_REVOCATION_ENDPOINT: await serve(undefined),
      STITCH_MONEY_JWKS_URI: await serve(503),
    });
    expect(found.map(({ name, detail }) => [name, detail.replace(/^\S+ /, '')])).toEqual([
      ['provider stitch-money revocation', expect.stringContaining('HTTPS_PROXY')],
      ['provider stitch-money keys', 'answers 503: ask the provider'],
    ]);
  });

  it('says when the metadata of a configured provider cannot be had', async () => {
    const file = join(temporaryDirectory(), 'providers.json');
    const issuer = `http://127.0.0.1:${String(await freePort())}`;
    const entry = { issuer, client_id: 'c', client_secret: 's' };
    writeFileSync(file, JSON.stringify({ providers: { elsewhere: entry } }));
    const found = await failing({ ...healthy(), OAUTH_PROVIDERS_FILE: file });
    expect(found.map(({ name }) => name)).toEqual(['provider elsewhere metadata']);
  });

  it('names an issuer of a configured provider that is no URL, and looks at all the rest', async () => {
    const file = join(temporaryDirectory(), 'providers.json');
    const entry = { issuer: 'elsewhere', client_id: 'c', client_secret: 's' };
    writeFileSync(file, JSON.stringify({ providers: { elsewhere: entry } }));
    const found = await failing({ ...healthy(), OAUTH_PROVIDERS_FILE: file });
    expect(found).toEqual([
      expect.objectContaining({
        name: 'config',
        detail: expect.stringContaining('OAUTH_PROVIDERS_FILE elsewhere.issuer'),
      }),
    ]);
  });

  it('names a provider that there are grants of and that is not configured', async () => {
    const file = join(temporaryDirectory(), 'grants.jsonl');
    writeFileSync(file, `${JSON.stringify(grantLine(1))}\n`);
    expect((await runCli(['grants', 'import', file], healthy())).code).toBe(0);
    expect(await failing(healthy())).toEqual([]);
    const lost = { STITCH_MONEY_CLIENT_ID: '', STITCH_MONEY_CLIENT_SECRET: '' };
    const found = await failing({ ...healthy(), ...lost });
    await database.query('DELETE FROM stitch_grants');
    expect(found).toEqual([
      {
        name: 'provider stitch-money',
        ok: false,
        detail: expect.stringMatching(/there are grants of it.*OAUTH_PROVIDERS_FILE/) as string,
      },
    ]);
  });

  it('repeats no secret', async () => {
    const secret = randomBytes(24).toString('base64url');
    const url = new URL(database.url);
    url.password = secret;
    url.port = String(await freePort());
    const { stdout, stderr } = await runCli(['doctor'], {
      ...healthy(),
      DATABASE_URL: url.href,
      STITCH_MONEY_CLIENT_SECRET: `${secret},`,
      VAULT_KEYRING: `${secret}:x`,
    });
    expect(stdout).toContain('FAIL');
    expect(stdout + stderr).not.toContain(secret);
  });
});
