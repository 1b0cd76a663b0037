import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { programEnvironment } from '../support/program-environment.js';
import { readAudit, verifyAudit } from '../support/audit.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer } from '../support/world.js';
import { cleanUp, readiness, runCli, startVaultProgram, temporaryDirectory } from './programs.js';
import { createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';

const ODD_USER = 'žofie\\東京';
const ODD_SETTINGS = [
  `DateStyle = 'German, DMY'`,
  `IntervalStyle = 'sql_standard'`,
  `bytea_output = 'escape'`,
  `TimeZone = 'Asia/Kathmandu'`,
  'standard_conforming_strings = off',
  `lc_messages = 'C'`,
  `client_encoding = 'LATIN1'`,
  'search_path = public, pg_catalog',
  'extra_float_digits = -15',
];
const ODD_SETTINGS_OF_THE_ROLE = [
  'backslash_quote = off',
  'quote_all_identifiers = on',
  'row_security = off',
  'transform_null_equals = on',
  'plan_cache_mode = force_generic_plan',
  'jit_above_cost = 0',
  ...['seqscan', 'indexscan', 'hashjoin', 'nestloop', 'sort'].map((plan) => `enable_${plan} = off`),
  `lock_timeout = '2s'`,
  `idle_in_transaction_session_timeout = '3s'`,
  `idle_session_timeout = '1s'`,
  `statement_timeout = '4s'`,
];

describe('a database with settings of its own', () => {
  let database: TestDatabase;
  /** Ends all that a test has begun, the database last. */
  let close: () => Promise<void>;
  beforeEach(() => {
    close = () => database.drop();
  });
  afterEach(async () => {
    await cleanUp();
    await close();
  });

  const set = (setting: string) => database.query(`ALTER DATABASE ${database.name} SET ${setting}`);
  const startVault = (spool = join(temporaryDirectory(), 'spool')) =>
    startVaultProgram(
      programEnvironment(database, {
        SPOOL_DIR: spool,
        STITCH_MONEY_CLIENT_ID: 'client',
        STITCH_MONEY_CLIENT_SECRET: 'secret',
      }),
    );

  it('is read and written in the same way whatever they say of text, times, numbers and plans', async () => {
    database = await createDatabase();
    const key = await createClient(database.url);
    for (const setting of ODD_SETTINGS) await set(setting);
    for (const setting of ODD_SETTINGS_OF_THE_ROLE) {
      await database.query(`ALTER ROLE CURRENT_USER IN DATABASE ${database.name} SET ${setting}`);
    }
    const world = await createWorld({ database, key });
    close = () => world.close();
    const call = async (path: string, body?: object) => {
      const init = body && { method: 'POST', body: JSON.stringify(body) };
      const answer = await world.vault.request(path, { key, ...init });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    const ready = await call('/health/ready');
    expect(ready).toMatchObject({ status: 200, body: { status: 'ok' } });
    const made = await call('/authorization-requests', { user_id: ODD_USER });
    expect(made.status).toBe(201);
    const read = await call(`/authorization-requests/${String(made.body.id)}`);
    expect(read.body.user_id).toBe(ODD_USER);
    const age = Date.parse(String(read.body.created_at)) - Date.now();
    expect(Math.abs(age)).toBeLessThan(60_000);
    expect((await world.link(ODD_USER)).status).toBe(200);
    await world.link('ann');
    const first = (await (await world.read(ODD_USER)).json()) as TokenAnswer;
    expect(first).toMatchObject({ version: 1, connection: 'default' });
    expect(first.expires_in).toBeGreaterThan(800);
    await world.age(ODD_USER, 890);
    const second = (await (await world.read(ODD_USER)).json()) as TokenAnswer;
    expect(second.version).toBe(2);
    expect(world.sandbox.isLive(second.access_token)).toBe(true);
    const page = await call('/grants?limit=1');
    expect(page.body.items).toHaveLength(1);
    const rest = await call(`/grants?limit=1&cursor=${String(page.body.next_cursor)}`);
    expect(rest.body.items).toHaveLength(1);
    const path = `/tokens/${encodeURIComponent(ODD_USER)}`;
    expect((await world.vault.request(path, { key, method: 'DELETE' })).status).toBe(204);
    expect((await world.read(ODD_USER)).status).toBe(404);
    const events = (await call('/events')).body.items as { type: string }[];
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['grant.linked', 'grant.deleted']),
    );
    const audited = await eventually('the reads are in the audit', async () => {
      const items = await readAudit(world.vault, key, '&type=token.read');
      return items.length >= 2 && items;
    });
    expect(Math.abs(Date.parse(audited[0]!.at) - Date.now())).toBeLessThan(60_000);
    expect(await verifyAudit(database.url)).toMatchObject({ ok: true });
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
