import { createHash, randomBytes } from 'node:crypto';
import { runCli } from '../integration/programs.js';
import { takenOver } from '../support/audit.js';
import { TEST_KEYRING, createClient, launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/** A row of `service_clients`, as somebody who can write to the table copies it. */
const COLUMNS = `name, key_hash, scopes, created_at, revoked_at, client_id, providers, user_prefixes,
  subject, certificate, expires_at, previous_key_hash, previous_key_expires_at, revision, mac`;

describe('somebody who can write to service_clients', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2 });
    await world.link('ann');
    await takenOver(world.database);
  });
  afterAll(() => world.close());

  const statuses = (key: string, path = '/tokens/ann') =>
    Promise.all(world.vaults.map(async (vault) => (await vault.request(path, { key })).status));
  const become = (key: string, status: number, path?: string) =>
    eventually(`both replicas answer ${String(status)}`, async () =>
      (await statuses(key, path)).every((each) => each === status),
    );
  const reported = (client: string, reason: string) =>
    eventually('it is reported', () =>
      world.vault.logs
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .find(
          (line) =>
            line.event === 'client.refused' && line.client === client && line.reason === reason,
        ),
    );
  const named = (name: string) => createClient(world.database.url, ['tokens:read'], { name });

  it('cannot add one: it is refused and reported', async () => {
    const key = `stv_${'a'.repeat(43)}`;
    await world.database.query(
      `INSERT INTO service_clients (name, key_hash, scopes) VALUES ('intruder', $1, '{admin}')`,
      [createHash('sha256').update(key).digest()],
    );
    await reported('intruder', 'not_authentic');
    expect(await statuses(key)).toEqual([401, 401]);
    // Nor with what vouches for another one.
    await world.database.query(
      `UPDATE service_clients SET mac = (SELECT mac FROM service_clients WHERE mac IS NOT NULL LIMIT 1)
       WHERE name = 'intruder'`,
    );
    expect(await statuses(key)).toEqual([401, 401]);
  });

  it.each([
    ['its scopes', `scopes = '{admin}'`],
    ['its restriction', `user_prefixes = '{a}'`],
    ['its end', `expires_at = now() + interval '100 years'`],
    ['its name', `name = 'renamed'`],
  ])('cannot change %s', async (what, change) => {
    const name = `changed-${what.replace('its ', '')}`;
    const key = await named(name);
    await become(key, 200);
    await world.database.query(`UPDATE service_clients SET ${change} WHERE name = $1`, [name]);
    await become(key, 401);
    await world.database.query(`DELETE FROM service_clients WHERE name IN ($1, 'renamed')`, [name]);
  });

  it('cannot bring a revoked one back', async () => {
    const key = await named('revoked');
    await become(key, 200);
    await runCli(['clients', 'revoke', 'revoked'], {
      DATABASE_URL: world.database.url,
      VAULT_KEYRING: TEST_KEYRING,
    });
    await become(key, 401);
    await world.database.query(
      `UPDATE service_clients SET revoked_at = NULL WHERE name = 'revoked'`,
    );
    await reported('revoked', 'not_authentic');
    expect(await statuses(key)).toEqual([401, 401]);
  });

  it('cannot put an older row back before a vault that knows a newer one', async () => {
    const key = await named('older');
    await become(key, 200);
    await world.database.query(
      `CREATE TABLE kept AS SELECT ${COLUMNS} FROM service_clients WHERE name = 'older'`,
    );
    const environment = { DATABASE_URL: world.database.url, VAULT_KEYRING: TEST_KEYRING };
    const rotated = await runCli(['clients', 'rotate', 'older', '--overlap', '0'], environment);
    await become(rotated.stdout.split('\n')[0] ?? '', 200);
    await world.database.query(`DELETE FROM service_clients WHERE name = 'older'`);
    await world.database.query(
      `INSERT INTO service_clients (${COLUMNS}) SELECT ${COLUMNS} FROM kept`,
    );
    await reported('older', 'older_than_seen');
    expect(await statuses(key)).toEqual([401, 401]);
  });

  it('is not vouched for by a rotation, but by an operator who says so', async () => {
    const environment = { DATABASE_URL: world.database.url, VAULT_KEYRING: TEST_KEYRING };
    const key = await named('touched');
    await become(key, 200);
    await world.database.query(
      `UPDATE service_clients SET user_prefixes = '{an}' WHERE name = 'touched'`,
    );
    await become(key, 401);
    expect(await runCli(['clients', 'rotate', 'touched'], environment)).toMatchObject({ code: 1 });
    expect(await runCli(['clients', 'vouch', 'touched'], environment)).toMatchObject({ code: 0 });
    await become(key, 200);
  });

  it('cannot have clients taken over once more by taking away what vouches for them', async () => {
    const key = await named('unvouched');
    await become(key, 200);
    await world.database.query(`UPDATE service_clients SET mac = NULL WHERE name = 'unvouched'`);
    await reported('unvouched', 'not_authentic');
    const later = await launchVault(world.environment);
    expect((await later.request('/tokens/ann', { key })).status).toBe(401);
    await later.stop();
  });

  it('is revoked without the keyring, too', async () => {
    const key = await named('compromised');
    await become(key, 200);
    const environment = { DATABASE_URL: world.database.url, NODE_ENV: 'production' };
    const revoked = await runCli(['clients', 'revoke', 'compromised'], environment);
    expect(revoked).toMatchObject({ code: 0 });
    await become(key, 401);
  });

  it('commands need the keyring once there is a key', async () => {
    const { code, stderr } = await runCli(['clients', 'create', 'x', '--scope', 'admin'], {
      DATABASE_URL: world.database.url,
      NODE_ENV: 'production',
    });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'VAULT_KEYRING: id:base64(32 bytes), comma-separated, ids unique\n',
    });
  });

  it.each([
    [
      'is altered',
      `UPDATE audit_keys
       SET sealed_key = set_byte(sealed_key, 40, (get_byte(sealed_key, 40) + 1) % 256)`,
      'opened',
    ],
    ['is taken away', 'DELETE FROM audit_keys', 'gone'],
  ])('whose key %s has nobody served, and readiness says so', async (_, change, reason) => {
    const key = await named(`keyless-${reason}`);
    const [kept] = await world.database.query<{ id: number; sealed_key: Buffer }>(
      'SELECT id, sealed_key FROM audit_keys',
    );
    await world.database.query(change);
    const later = await launchVault(world.environment);
    const answer = await later.request('/tokens/ann', { key });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'key_unavailable' });
    const said = await eventually('readiness says so', async () => {
      const ready = await later.request('/health/ready', {});
      const { details } = (await ready.json()) as {
        details: Record<string, { status: string; reason?: string }>;
      };
      return details.clients?.status === 'down' && { http: ready.status, ...details.clients };
    });
    expect(said).toMatchObject({ http: 503, reason: expect.stringContaining(reason) });
    await later.stop();
    await world.database.query(
      `INSERT INTO audit_keys (id, sealed_key) VALUES ($1, $2)
       ON CONFLICT (id) DO UPDATE SET sealed_key = EXCLUDED.sealed_key`,
      [kept!.id, kept!.sealed_key],
    );
  });

  // The last one: the replicas of this file don't have the other root key.
  it('is found under another root key, too', async () => {
    const other = `next:${randomBytes(32).toString('base64')}`;
    const keyring = `${other},${TEST_KEYRING}`;
    const environment = { DATABASE_URL: world.database.url, VAULT_KEYRING: keyring };
    const key = await named('rewrapped');
    expect(await runCli(['keys', 'rewrap'], environment)).toMatchObject({ code: 0 });
    const later = await launchVault({ ...world.environment, VAULT_KEYRING: other });
    expect((await later.request('/tokens/ann', { key })).status).toBe(200);
    await later.stop();
  });
});
