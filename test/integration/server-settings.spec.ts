import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { cleanUp, readiness, runCli, startVaultProgram, temporaryDirectory } from './programs.js';
import { TEST_KEYRING, createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';

describe('a database with settings of its own', () => {
  let database: TestDatabase;
  afterEach(async () => {
    await cleanUp();
    await database.drop();
  });

  const set = (setting: string) => database.query(`ALTER DATABASE ${database.name} SET ${setting}`);
  const startVault = (spool = join(temporaryDirectory(), 'spool')) =>
    startVaultProgram({
      NODE_ENV: 'test',
      PORT: '0',
      PUBLIC_PORT: '0',
      DATABASE_URL: database.url,
      VAULT_KEYRING: TEST_KEYRING,
      SPOOL_DIR: spool,
      STITCH_MONEY_CLIENT_ID: 'client',
      STITCH_MONEY_CLIENT_SECRET: 'secret',
    });

  it('is read and written in the same way whatever they say of text, times and bytes', async () => {
    database = await createDatabase();
    await set(`DateStyle = 'German, DMY'`);
    await set(`IntervalStyle = 'sql_standard'`);
    await set(`bytea_output = 'escape'`);
    await set(`TimeZone = 'Asia/Kathmandu'`);
    await set(`standard_conforming_strings = off`);
    await set(`lc_messages = 'C'`);
    const key = await createClient(database.url);
    const vault = await startVault();
    const call = async (path: string, body?: object) => {
      const answer = await fetch(`${vault.internalUrl}${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, string> };
    };
    const made = await call('/authorization-requests', { user_id: 'žofie\\東京' });
    expect(made.status).toBe(201);
    const read = await call(`/authorization-requests/${String(made.body.id)}`);
    expect(read.body.user_id).toBe('žofie\\東京');
    expect(Math.abs(Date.parse(String(read.body.created_at)) - Date.now())).toBeLessThan(60_000);
    expect((await readiness(vault)).httpStatus).toBe(200);
  });

  it('is refused by name by migrate, before anything is changed, when they cannot be worked with', async () => {
    database = await createDatabase({ empty: true });
    await set('default_transaction_read_only = on');
    const { code, stderr } = await runCli(['migrate'], { DATABASE_URL: database.url });
    expect(code).toBe(1);
    expect(stderr).toContain('default_transaction_read_only: off');
    expect(await database.query(`SELECT to_regclass('migrations') AS made`)).toEqual([
      { made: null },
    ]);
  });

  it('is refused in LATIN1 by migrate', async () => {
    database = await createDatabase({ empty: true });
    const admin = new pg.Client({ connectionString: process.env.TEST_DATABASE_ADMIN_URL });
    await admin.connect();
    const name = `${database.name}_latin`;
    try {
      await admin.query(`CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
      const url = new URL(database.url);
      url.pathname = `/${name}`;
      const { code, stderr } = await runCli(['migrate'], { DATABASE_URL: url.href });
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringContaining('server_encoding: UTF8, not LATIN1'),
      });
    } finally {
      await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await admin.end();
    }
  });

  it('makes a vault unready when it refuses writes, with one line in the log', async () => {
    database = await createDatabase();
    await set('default_transaction_read_only = on');
    const vault = await startVault();
    // Whatever is noticed first makes it unready: the heartbeat cannot write either.
    const down = await eventually('the settings are looked at', async () => {
      const seen = await readiness(vault);
      return seen.details.database_settings?.status === 'down' ? seen : undefined;
    });
    expect(down.httpStatus).toBe(503);
    expect(down.details.database_settings).toEqual({
      status: 'down',
      reason: 'default_transaction_read_only: off',
    });
    await eventually('the log says so', () => vault.stdout.includes('health.part_down'));
    await eventually('it is counted', async () =>
      (await (await fetch(`${vault.internalUrl}/metrics`)).text()).includes(
        'stitch_vault_part_up{part="database_settings"} 0',
      ),
    );
    expect(vault.stdout.match(/health\.part_down/g)).toHaveLength(1);
  });

  it('leaves a vault ready whose spool is gone, and shows that it is', async () => {
    database = await createDatabase();
    const spool = join(temporaryDirectory(), 'spool');
    const vault = await startVault(spool);
    expect((await readiness(vault)).details.spool).toEqual({ status: 'up' });
    rmSync(spool, { recursive: true });
    // A file in its place: no permission would stop a test that runs as root.
    writeFileSync(spool, '');
    await eventually('the spool is down', async () => {
      const { httpStatus, details } = await readiness(vault);
      return (
        httpStatus === 200 && details.spool?.reason === 'SPOOL_DIR cannot be written to (ENOTDIR)'
      );
    });
  });
});
