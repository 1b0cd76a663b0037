import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { programEnvironment } from '../support/program-environment.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { StartError } from '../../src/start/start-error.js';
import { TEST_KEYRING, launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import {
  cleanUp,
  eventsOf,
  readiness,
  runCli,
  start,
  startVaultProgram,
  temporaryDirectory,
} from './programs.js';

describe('node dist/main.js', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterEach(cleanUp);
  afterAll(() => database.drop());

  const environment = (overrides: Record<string, string> = {}) =>
    programEnvironment(database, overrides);
  const runMain = (overrides: Record<string, string>) =>
    start('main.js', [], environment(overrides)).ended;

  it('ends with 1 and one line for each wrong variable, by name and without its value', async () => {
    const wrong = {
      PORT: 'zzport',
      DATABASE_URL: 'mysql://root:zzpassword@db/zzdatabase',
      VAULT_KEYRING: `main:zzkeyring${'x'.repeat(40)}`,
      STITCH_MONEY_ISSUER: 'http://zzissuer.example',
      STITCH_MONEY_CLIENT_ID: 'zzclient',
      REFRESH_POLICY: 'zzpolicy',
      MIN_TTL: '-zz1',
    };
    const { code, stdout, stderr } = await runMain(wrong);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).not.toContain('zz');
    const names = stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.split(':')[0]);
    expect(names.sort()).toEqual(
      [
        ...['PORT', 'DATABASE_URL', 'VAULT_KEYRING', 'STITCH_MONEY_ISSUER', 'REFRESH_POLICY'],
        ...['MIN_TTL', 'STITCH_MONEY_CLIENT_SECRET'],
      ].sort(),
    );
  });

  it('refuses production on nothing but defaults, naming what has to be said', async () => {
    const { code, stderr } = await start('main.js', [], { NODE_ENV: 'production' }).ended;
    const names = stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.split(':')[0]);
    expect({ code, names: names.sort() }).toEqual({
      code: 1,
      names: ['DATABASE_URL', 'PUBLIC_URL', 'VAULT_KEYRING'],
    });
  });

  it.each(['HOST', 'PUBLIC_HOST'])('says in one line what %s is to be', async (name) => {
    await expect(launchVault(environment({ [name]: 'nowhere.invalid' }))).rejects.toThrow(
      new StartError(`${name}: an address, or a name that resolves to one`),
    );
    // TEST-NET-3 (RFC 5737): no machine has it.
    await expect(launchVault(environment({ [name]: '203.0.113.7' }))).rejects.toThrow(
      new StartError(`${name}: an address of this machine`),
    );
  });

  it.each(['PORT', 'PUBLIC_PORT'])('says in one line that %s is in use', async (name) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as AddressInfo;
    const refused = launchVault(environment({ [name]: String(port) }));
    await expect(refused).rejects.toThrow(
      new StartError(`${name}: a free port (this one is in use)`),
    );
    holder.close();
  });

  it('says in one line that the spool directory cannot be made', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    const { code, stderr } = await runMain({ SPOOL_DIR: join(file, 'spool') });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^SPOOL_DIR: .+\n$/);
  });

  it('starts while the database is away, says so, and is ready when it is there', async () => {
    const proxy = await startTcpProxy(database.url);
    proxy.cut();
    const vault = await startVaultProgram(environment({ DATABASE_URL: proxy.url }));
    expect(await fetch(`${vault.internalUrl}/health/live`)).toMatchObject({ status: 200 });
    expect(await readiness(vault)).toMatchObject({
      httpStatus: 503,
      details: { database: { status: 'down' }, listeners: { status: 'up' } },
    });
    // A monitor that asks by HEAD is told the same, without the text.
    const head = async (path: string) => {
      const answer = await fetch(`${vault.internalUrl}${path}`, { method: 'HEAD' });
      return [answer.status, await answer.text()];
    };
    expect(await head('/health/live')).toEqual([200, '']);
    expect(await head('/health/ready')).toEqual([503, '']);
    proxy.restore();
    await eventually('it is ready', async () => (await readiness(vault)).httpStatus === 200);
    proxy.cut();
    await eventually('it misses it', async () => (await readiness(vault)).httpStatus === 503);
    proxy.restore();
    await eventually('it is ready again', async () => (await readiness(vault)).httpStatus === 200);
    await proxy.close();
  });

  it('survives that the server ends its connections in the middle of statements', async () => {
    const vault = await startVaultProgram(
      environment({
        DATABASE_POOL_SIZE: '4',
        STITCH_MONEY_CLIENT_ID: 'client',
        STITCH_MONEY_CLIENT_SECRET: 'secret',
      }),
    );
    const key = await runCli(['clients', 'create', 'cut-off', '--scope', 'tokens:read'], {
      DATABASE_URL: database.url,
      VAULT_KEYRING: TEST_KEYRING,
    });
    const headers = { authorization: `Bearer ${key.stdout.split('\n')[0] ?? ''}` };
    let asking = true;
    const statuses: number[] = [];
    const askers = Array.from({ length: 8 }, async (_, asker) => {
      for (let n = 0; asking; n += 1) {
        const url = `${vault.internalUrl}/tokens/nobody-${String(asker)}-${String(n)}`;
        statuses.push((await fetch(url, { headers })).status);
      }
    });
    for (let cuts = 0; cuts < 6; cuts += 1) {
      const before = statuses.length;
      await eventually('the database is asked', () => statuses.includes(404, before));
      await database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'stitch-token-vault%'`,
      );
    }
    asking = false;
    await Promise.all(askers);
    expect(statuses.filter((status) => status !== 404 && status !== 503)).toEqual([]);
    await eventually('it is ready again', async () => (await readiness(vault)).httpStatus === 200);
    expect(eventsOf(vault).map(({ event }) => event)).not.toContain('vault.unhandled_rejection');
  });

  it('is not ready before the migrations, names them and the command, and needs no restart', async () => {
    const empty = await createDatabase({ empty: true });
    const vault = await startVaultProgram(environment({ DATABASE_URL: empty.url }));
    const { httpStatus, details } = await readiness(vault);
    expect(httpStatus).toBe(503);
    expect(details).toMatchObject({
      database: { status: 'up' },
      migrations: { status: 'down', run: expect.stringContaining('npm run migration:run') },
    });
    expect(details.migrations?.pending).not.toEqual([]);
    expect((await runCli(['migrate'], { DATABASE_URL: empty.url })).code).toBe(0);
    await eventually('it is ready', async () => (await readiness(vault)).httpStatus === 200);
    vault.kill('SIGTERM');
    expect((await vault.ended).code).toBe(0);
    await empty.drop();
  });

  it.each(['main.js', 'cli.js'])(
    'says in one sentence why %s cannot run on an old Node.js, or with few open files',
    (program) => {
      // Module code, which runs before the program's own.
      const older =
        'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"18.20.8"}})';
      const old = spawnSync(process.execPath, ['--import', older, `dist/${program}`], {
        encoding: 'utf8',
      });
      expect(old.status).toBe(1);
      expect(old.stderr).toBe('Node.js 20.19 or later is needed, and this is 18.20.8.\n');
      const limited = `ulimit -n 64; exec "${process.execPath}" dist/${program} clients list`;
      const few = spawnSync('sh', ['-c', limited], { encoding: 'utf8', env: {} });
      expect(few.status).toBe(1);
      expect(few.stderr).toMatch(/^This process may not open as many files .* \(ulimit -n\).*\n$/);
    },
  );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends on %s with 0 and closes both listeners',
    async (signal) => {
      const vault = await startVaultProgram(environment());
      await eventually('it is ready', async () => (await readiness(vault)).httpStatus === 200);
      vault.kill(signal);
      const { code, stderr } = await vault.ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(eventsOf(vault).map(({ event }) => event)).toContain('vault.stopped');
      for (const url of [vault.internalUrl, vault.publicUrl]) {
        await expect(fetch(url)).rejects.toThrow();
      }
    },
  );

  it('ends on SIGTERM with 0 also while the database is away', async () => {
    const proxy = await startTcpProxy(database.url);
    proxy.cut();
    const vault = await startVaultProgram(environment({ DATABASE_URL: proxy.url }));
    vault.kill('SIGTERM');
    expect((await vault.ended).code).toBe(0);
    await proxy.close();
  });
});
