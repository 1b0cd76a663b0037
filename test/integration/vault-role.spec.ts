import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { missingRights } from '../../src/cli/doctor/rights.js';
import { readAudit, verifyAudit } from '../support/audit.js';
import { createDatabase } from '../support/database.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import { TEST_KEYRING } from '../support/vault.js';
import { cleanUp, runCli } from './programs.js';

describe('the role of deploy/postgres/vault-role.sql', () => {
  // Roles are the server's: each run has its own.
  const role = `vault_app_${randomBytes(4).toString('hex')}`;
  let world: World;
  let asVault: pg.Client;
  beforeAll(async () => {
    const database = await createDatabase();
    const sql = readFileSync('deploy/postgres/vault-role.sql', 'utf8').replaceAll(
      'vault_app',
      role,
    );
    // Twice: it is run after each migration.
    for (let run = 0; run < 2; run += 1) await database.query(sql);
    await database.query(`ALTER ROLE ${role} PASSWORD 'secret'`);
    const url = new URL(database.url);
    [url.username, url.password] = [role, 'secret'];
    world = await createWorld({ database, environment: { DATABASE_URL: url.href } });
    asVault = new pg.Client({ connectionString: url.href });
    await asVault.connect();
  });
  afterAll(async () => {
    await cleanUp();
    await asVault.end();
    await world.database.query(`DROP OWNED BY ${role}`);
    await world.close();
  });

  it('is enough to link, read, reject and delete, and to write the audit', async () => {
    await world.link('ann');
    expect((await world.read('ann')).status).toBe(200);
    const path = '/client-tokens/stitch-money?scope=client_x';
    expect((await world.vault.request(path, { key: world.key })).status).toBe(200);
    const body = JSON.stringify({ version: 1 });
    const init = { key: world.key, method: 'POST', body };
    expect((await world.vault.request('/tokens/ann/rejections', init)).status).toBe(200);
    const deleted = await world.vault.request('/tokens/ann', { key: world.key, method: 'DELETE' });
    expect(deleted.status).toBe(204);
    const types = ['grant.linked', 'token.read', 'token.rejected', 'grant.deleted'];
    await eventually('all of it is in the audit', async () => {
      const found = new Set((await readAudit(world.vault, world.key)).map(({ type }) => type));
      return types.every((type) => found.has(type));
    });
    expect(await verifyAudit(world.database.url)).toMatchObject({ ok: true });
  });

  it('is found to be enough by doctor, and a lesser one not', async () => {
    const doctor = async () => {
      const environment = { NODE_ENV: 'test', VAULT_KEYRING: TEST_KEYRING };
      const url = world.environment.DATABASE_URL ?? '';
      const { stdout } = await runCli(['doctor', '--json'], { ...environment, DATABASE_URL: url });
      const { checks } = JSON.parse(stdout) as { checks: { name: string; detail: string }[] };
      return checks.find(({ name }) => name === 'database rights');
    };
    expect(await doctor()).toMatchObject({ ok: true });
    await world.database.query(`REVOKE DELETE ON stitch_events FROM ${role}`);
    const lesser = await doctor();
    await world.database.query(`GRANT DELETE ON stitch_events TO ${role}`);
    expect(lesser).toMatchObject({ ok: false });
    expect(lesser?.detail).toContain('lacks DELETE on stitch_events: run deploy/postgres');
  });

  it('has no right that doctor would not miss', async () => {
    const owner = new pg.Client({ connectionString: world.database.url });
    await owner.connect();
    try {
      const { rows } = await owner.query<{ right: string }>(
        `SELECT privilege_type || ' on ' || table_name AS right
           FROM information_schema.column_privileges WHERE grantee = $1
         UNION SELECT privilege_type || ' on ' || table_name
           FROM information_schema.table_privileges WHERE grantee = $1
         UNION SELECT 'USAGE on ' || object_name
           FROM information_schema.usage_privileges WHERE grantee = $1
         UNION SELECT 'EXECUTE on FUNCTION ' || p.oid::regprocedure
           FROM pg_proc p, aclexplode(p.proacl) a WHERE a.grantee = $1::regrole`,
        [role],
      );
      expect(rows.length).toBeGreaterThan(50);
      for (const { right } of rows) {
        await owner.query(
          `BEGIN; REVOKE ${right.replace('USAGE on ', 'USAGE on SEQUENCE ')} FROM ${role}; SET LOCAL ROLE ${role}`,
        );
        const missing = await missingRights(async <T>(sql: string, values?: unknown[]) => {
          const found = await owner.query(sql, values);
          return found.rows as T[];
        });
        await owner.query('ROLLBACK');
        const named = missing.map((each) => each.replace(/\(.*/, ''));
        expect({ right, missing: named }).toEqual({
          right,
          missing: [right.replace('FUNCTION ', '').replace(/\(.*/, '')],
        });
      }
    } finally {
      await owner.end();
    }
  });

  it('gets its rights on what migrations add from migrate, which nobody has to remember', async () => {
    const owner = world.database;
    const migrate = async (...options: string[]) => {
      const ran = await runCli(['migrate', '--json', ...options], { DATABASE_URL: owner.url });
      return JSON.parse(ran.stdout) as { applied: string[]; roles?: string[] };
    };
    const may = async (name: string, right: string, table: string) => {
      const [row] = await owner.query<{ may: boolean }>(
        'SELECT has_table_privilege($1, $2, $3) AS may',
        [name, table, right],
      );
      return row?.may;
    };
    await owner.query(`REVOKE ALL ON stitch_clock_steps FROM ${role}`);
    expect(await migrate()).toEqual({ applied: [], roles: [role] });
    expect(await may(role, 'INSERT', 'stitch_clock_steps')).toBe(true);
    expect(await may(role, 'UPDATE', 'audit_events')).toBe(false);
    // The first time, and a name that has to be quoted.
    const other = `${role}-B`;
    expect((await migrate('--role', other)).roles).toEqual([other, role].sort());
    expect(await may(other, 'DELETE', 'stitch_grants')).toBe(true);
    expect(await may(other, 'DELETE', 'audit_events')).toBe(false);
    await owner.query(`DROP OWNED BY "${other}"; DROP ROLE "${other}"`);
  });

  it('is not said to have its rights by a migrate that runs as somebody else than the owner', async () => {
    const url = world.environment.DATABASE_URL ?? '';
    const { code, stdout } = await runCli(['migrate', '--json'], { DATABASE_URL: url });
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`rights of the role ${role} .* migrate as \\w+, who owns`));
  });

  it('waits at the server for a lock no longer than the vault waits for the server', async () => {
    const holder = new pg.Client({ connectionString: world.database.url });
    await holder.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE stitch_grants IN ACCESS EXCLUSIVE MODE');
      // Ended by the server: the vault has no need to ask for it, which a pooler may not outlive.
      await expect(asVault.query('SELECT 1 FROM stitch_grants')).rejects.toMatchObject({
        code: '55P03',
      });
    } finally {
      await holder.end();
    }
  });

  it.each([
    ['change a row of the audit', `UPDATE audit_events SET count = 0`],
    ['move a row of the audit', `UPDATE audit_events SET position = position + 1`],
    ['delete a row of the audit', 'DELETE FROM audit_events'],
    ['empty the audit', 'TRUNCATE audit_events'],
    [
      'make up a change',
      `INSERT INTO audit_events (type, outcome) VALUES ('grant.linked', 'done')`,
    ],
    [
      'make up an event',
      `INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
       VALUES (gen_random_uuid(), 'grant.deleted', 'p', 'u', 'c', '{}')`,
    ],
    ['change what an event says', `UPDATE stitch_events SET data = '{}'`],
    ['forget that a consent is over', 'DELETE FROM stitch_ended_consents'],
    ['take the key of the audit away', 'DELETE FROM audit_keys'],
    [
      'add a client',
      `INSERT INTO service_clients (name, key_hash, scopes) VALUES ('x', '', '{admin}')`,
    ],
    ['raise scopes', `UPDATE service_clients SET scopes = '{admin}'`],
    ['bring a revoked client back', 'UPDATE service_clients SET revoked_at = NULL'],
    ['delete a client', 'DELETE FROM service_clients'],
    ['change the schema', 'ALTER TABLE stitch_grants ADD COLUMN x text'],
    ['add a table', 'CREATE TABLE x (y text)'],
    ['forge the list of migrations', `INSERT INTO migrations (timestamp, name) VALUES (1, 'x')`],
  ])('cannot %s', async (_, sql) => {
    await expect(asVault.query(sql)).rejects.toMatchObject({ code: '42501' });
  });

  it('can prune nothing of the audit that is younger than a day', async () => {
    await asVault.query('SELECT audit_prune(9999999, 0)');
    const [row] = await world.database.query<{ count: string }>(
      'SELECT count(*) FROM audit_events',
    );
    expect(Number(row?.count)).toBeGreaterThan(4);
    expect(await verifyAudit(world.database.url)).toMatchObject({ ok: true });
  });
});
