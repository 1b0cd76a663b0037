import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { Database, dataSourceOptions } from '../../src/database/index.js';
import { NOBODY } from '../faults/children.js';
import { PostgresServer } from '../faults/postgres-server.js';
import { TestAuthority } from '../support/certificates.js';
import { connectionTo, createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { eventually } from '../support/wait.js';
import { cleanUp, runCli, temporaryDirectory } from './programs.js';

const ENCRYPTED = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
const LISTENING_ON = `SELECT current_setting('port')::int AS port`;

/** The tests' own server has no TLS; beside it stands one that has. */
describe('ways to the database', () => {
  let plain: TestDatabase;
  let server: PostgresServer;
  let silent: Server;
  let ca: string;
  let otherCa: string;
  const opened: DataSource[] = [];

  beforeAll(async () => {
    plain = await createDatabase();
    const directory = temporaryDirectory();
    // Its server runs as another user.
    if (NOBODY.uid !== undefined) chownSync(directory, NOBODY.uid, NOBODY.gid);
    server = await PostgresServer.create(directory);
    const authority = await TestAuthority.create();
    // Of this name alone: 127.0.0.1 is not in it.
    const { cert, key } = await authority.issue({
      usage: 'server',
      names: [{ type: 'dns', value: 'localhost' }],
    });
    for (const [name, text] of [
      ['server.crt', cert],
      ['server.key', key],
    ] as const) {
      writeFileSync(join(server.data, name), text, { mode: 0o600 });
      if (NOBODY.uid !== undefined) chownSync(join(server.data, name), NOBODY.uid, NOBODY.gid);
    }
    await server.run('ALTER SYSTEM SET ssl = on');
    await server.run('SELECT pg_reload_conf()');
    await server.run(`CREATE DATABASE ${plain.name}`);
    const files = join(directory, 'ca');
    mkdirSync(files);
    ca = join(files, 'ca.pem');
    otherCa = join(files, 'other.pem');
    writeFileSync(ca, authority.pem);
    writeFileSync(otherCa, (await TestAuthority.create('Other CA')).pem);
    silent = createServer(() => undefined).listen(0, '127.0.0.1');
  });

  afterEach(async () => {
    for (const dataSource of opened.splice(0)) await dataSource.destroy();
  });

  afterAll(async () => {
    silent.close();
    await server.stop('SIGQUIT');
    await plain.drop();
    await cleanUp();
  });

  const plainPort = () => new URL(plain.url).port;
  const url = (hosts: string, query = '') =>
    `postgres://postgres:postgres@${hosts}/${plain.name}?${query}`;

  async function open(at: string): Promise<Database> {
    const dataSource = new DataSource(dataSourceOptions(connectionTo(at)));
    const database = new Database(dataSource);
    await database.probe(() => Promise.resolve(true));
    opened.push(dataSource);
    return database;
  }

  async function isEncrypted(hosts: string, query: string): Promise<boolean | 'refused'> {
    try {
      const database = await open(url(hosts, query));
      return (await database.query<{ ssl: boolean }>(ENCRYPTED))[0]?.ssl ?? 'refused';
    } catch {
      return 'refused';
    }
  }

  it('gives every sslmode the meaning that libpq gives it', async () => {
    const withTls = (query: string) => isEncrypted(`127.0.0.1:${server.port}`, query);
    const named = (query: string) => isEncrypted(`localhost:${server.port}`, query);
    const without = (query: string) => isEncrypted(`127.0.0.1:${plainPort()}`, query);
    expect({
      disable: [await withTls('sslmode=disable'), await without('sslmode=disable')],
      allow: [await withTls('sslmode=allow'), await without('sslmode=allow')],
      prefer: [await withTls('sslmode=prefer'), await without('sslmode=prefer')],
      require: [await withTls('sslmode=require'), await without('sslmode=require')],
      verifyCa: [
        await withTls(`sslmode=verify-ca&sslrootcert=${ca}`),
        await withTls(`sslmode=verify-ca&sslrootcert=${otherCa}`),
        await withTls('sslmode=verify-ca'),
      ],
      verifyFull: [
        await named(`sslmode=verify-full&sslrootcert=${ca}`),
        // The certificate does not name the address.
        await withTls(`sslmode=verify-full&sslrootcert=${ca}`),
      ],
    }).toEqual({
      disable: [false, false],
      allow: [false, false],
      prefer: [true, false],
      require: [true, 'refused'],
      verifyCa: [true, 'refused', 'refused'],
      verifyFull: [true, 'refused'],
    });
  });

  it('allows TLS where a server refuses a plain session', async () => {
    const hba = join(server.data, 'pg_hba.conf');
    writeFileSync(hba, 'hostssl all all 127.0.0.1/32 trust\n');
    const admin = await open(url(`127.0.0.1:${server.port}`, 'sslmode=require'));
    await admin.query('SELECT pg_reload_conf()');
    await eventually('plain sessions are refused', async () => {
      return (await isEncrypted(`127.0.0.1:${server.port}`, 'sslmode=disable')) === 'refused';
    });
    expect(await isEncrypted(`127.0.0.1:${server.port}`, 'sslmode=allow')).toBe(true);
    writeFileSync(hba, 'host all all 127.0.0.1/32 trust\nhost all all ::1/128 trust\n');
    await admin.query('SELECT pg_reload_conf()');
  });

  it('ends a statement whose deadline has passed, through TLS as well', async () => {
    const database = await open(url(`127.0.0.1:${server.port}`, 'sslmode=require'));
    await expect(database.query('SELECT pg_sleep(60) AS long', [], 100)).rejects.toThrow();
    await eventually('no backend sleeps', async () => {
      const [row] = await server.run<{ count: string }>(
        `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'
           AND state = 'active'`,
      );
      return row?.count === '0';
    });
  });

  it('works with the one of several servers that takes writes, before and after a failover', async () => {
    const { port } = silent.address() as AddressInfo;
    const hosts = `127.0.0.1:${port},127.0.0.1:${server.port},127.0.0.1:${plainPort()}`;
    const takesWrites = async (first: boolean) => {
      const set = `SET default_transaction_read_only =`;
      await server.run(`ALTER DATABASE ${plain.name} ${set} ${first ? 'off' : 'on'}`);
      await plain.query(`SET default_transaction_read_only = off`);
      await plain.query(`ALTER DATABASE ${plain.name} ${set} ${first ? 'on' : 'off'}`);
    };
    await takesWrites(false);
    const database = await open(url(hosts, 'target_session_attrs=read-write'));
    const portOf = async () => (await database.query<{ port: number }>(LISTENING_ON))[0]?.port;
    expect(await portOf()).toBe(Number(plainPort()));
    await takesWrites(true);
    await plain.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = $1 AND application_name LIKE 'stitch-token-vault%'`,
      [plain.name],
    );
    await eventually('the other server is found', async () => {
      try {
        await database.probe(() => Promise.resolve(true));
        return (await portOf()) === server.port;
      } catch {
        return false;
      }
    });
    await takesWrites(false);
  });

  it('is found by operator commands, too, and told by name when it is not there', async () => {
    const found = await runCli(['migrate', '--json'], {
      DATABASE_URL: url(`127.0.0.1:1,127.0.0.1:${plainPort()}`),
    });
    expect({ code: found.code, stderr: found.stderr }).toEqual({ code: 0, stderr: '' });
    const raw = await runCli(['migrate'], { DATABASE_URL: 'postgres://v:100%@127.0.0.1/vault' });
    expect(raw).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^DATABASE_URL: .*%25\n$/),
    });
  });
});
