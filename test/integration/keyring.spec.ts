import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Log } from '../../src/common/index.js';
import { Keyring, Sealer } from '../../src/encryption/index.js';
import { TokenSealer } from '../../src/grants/index.js';
import { Journal, Shelf } from '../../src/journal/index.js';
import { ROTATION_FORMAT } from '../../src/refresher/rotation-format.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { programEnvironment } from '../support/program-environment.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { launchVault } from '../support/vault.js';
import { cleanUp, start, startVaultProgram, temporaryDirectory } from './programs.js';

const OLD = { id: 'old-2025', key: Buffer.alloc(32, 1) };
const NEW = { id: 'new-2026', key: Buffer.alloc(32, 2) };
const spell = (keys: (typeof OLD)[]) =>
  keys.map(({ id, key }) => `${id}:${key.toString('base64')}`).join(',');

describe('a keyring that is not the one in use', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createDatabase();
    const sealer = new TokenSealer(new Sealer(new Keyring([OLD])));
    for (const userId of ['ann', 'bob']) {
      const key = { provider: 'stitch-money', userId, connection: 'default' };
      await database.query(
        `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
           refresh_token, scope, obtained_at)
         VALUES ('stitch-money', $1, 'default', $2, 'active', $3, $4, '', now())`,
        [
          userId,
          randomUUID(),
          sealer.seal('a token', 'access_token', key),
          userId === 'ann' ? sealer.seal('another', 'refresh_token', key) : null,
        ],
      );
    }
  });
  afterEach(async () => {
    await cleanUp();
    await database.drop();
  });

  const environment = (keys: (typeof OLD)[], url = database.url) =>
    programEnvironment({ url }, { VAULT_KEYRING: spell(keys) });
  const missing = (rows: number) =>
    `VAULT_KEYRING: key old-2025, still in use by ${String(rows)} row(s), is missing\n`;

  /** Starts a vault in this process, and stops it. @returns why it could not be started */
  const refusal = async (keys: (typeof OLD)[], more = {}): Promise<string | undefined> => {
    try {
      await (await launchVault({ ...environment(keys), ...more })).stop();
      return undefined;
    } catch (error) {
      return `${(error as Error).message}\n`;
    }
  };

  it('stops the start with 1, the key id and how many rows need it, and nothing else', async () => {
    const { code, stderr } = await start('main.js', [], environment([NEW])).ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: missing(2) });
  });

  it('stops the start as well when it has another key under the same id', async () => {
    const other = { id: OLD.id, key: Buffer.alloc(32, 3) };
    const wrong = 'VAULT_KEYRING: key old-2025, which 2 row(s) name, opens none of them\n';
    expect(await refusal([NEW, other])).toBe(wrong);
  });

  it('neither sets aside what the spool holds nor writes of it into the database', async () => {
    const log = new Log('silent');
    const left = async (keys: (typeof OLD)[]) => {
      const directory = join(temporaryDirectory(), 'spool');
      const sealer = new Sealer(new Keyring(keys));
      const options = { directory, writer: randomUUID(), retention: 120_000 };
      const journal = new Journal(options, sealer, log);
      journal.open();
      const shelf = new Shelf(journal, ROTATION_FORMAT, directory, sealer, log);
      const token = Buffer.from(sealer.seal('a token', ['of another vault']));
      shelf.settle(
        await shelf.write({
          ...{ provider: 'stitch-money', userId: 'carl', connection: 'default' },
          ...{ grantId: randomUUID(), version: 1, leaseOwner: 'a/1', scopes: [] },
          ...{ accessToken: token, refreshToken: token },
          ...{ obtainedAt: Date.now(), expiresAt: null, refreshDueAt: null },
        }),
      );
      journal.close();
      return directory;
    };
    for (const SPOOL_DIR of [await left([OLD]), await left([NEW])]) {
      expect(await refusal([NEW], { SPOOL_DIR })).toBe(missing(2));
      expect(readdirSync(join(SPOOL_DIR, 'set-aside'))).toEqual([]);
      const rows = await database.query('SELECT user_id FROM stitch_grants ORDER BY user_id');
      expect(rows).toEqual([{ user_id: 'ann' }, { user_id: 'bob' }]);
    }
  });

  it('does not stop the start over a single grant that was tampered with', async () => {
    await database.query(
      `UPDATE stitch_grants SET access_token = access_token || '\\x00' WHERE user_id = 'ann'`,
    );
    expect(await refusal([OLD])).toBeUndefined();
  });

  it('stops a vault that started without a database as soon as that is there', async () => {
    const proxy = await startTcpProxy(database.url);
    proxy.cut();
    const vault = await startVaultProgram(environment([NEW], proxy.url));
    proxy.restore();
    const { code, stderr } = await vault.ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: missing(2) });
    await proxy.close();
  });

  it('does not hold up a vault that has the key beside a newer one', async () => {
    expect(await refusal([NEW, OLD])).toBeUndefined();
  });

  it('is not stopped by values too short to have been sealed', async () => {
    await database.query(`UPDATE stitch_grants SET access_token = '\\x01', refresh_token = ''`);
    expect(await refusal([NEW])).toBeUndefined();
  });

  it('counts a revocation that is still to be made', async () => {
    await database.query(
      `WITH gone AS (DELETE FROM stitch_grants RETURNING *)
       INSERT INTO stitch_revocations (provider, user_id, connection, refresh_token)
       SELECT provider, user_id, connection, refresh_token FROM gone WHERE user_id = 'ann'`,
    );
    expect(await refusal([NEW])).toBe(missing(1));
  });

  it('counts a consent that waits beside a grant to be confirmed', async () => {
    await database.query(
      `INSERT INTO stitch_unconfirmed_grants (grant_id, provider, user_id, connection,
         access_token, refresh_token, scope, obtained_at)
       SELECT gen_random_uuid(), provider, user_id, connection, access_token, refresh_token, scope,
         obtained_at FROM stitch_grants`,
    );
    await database.query(`DELETE FROM stitch_grants WHERE user_id = 'bob'`);
    expect(await refusal([NEW])).toBe(missing(3));
  });

  it('counts a link under way, but not one that can no longer be finished', async () => {
    await database.query('DELETE FROM stitch_grants');
    const sealed = new Sealer(new Keyring([OLD])).seal('a verifier', ['anything']);
    const insert = (id: string, status: string, expires: string) =>
      database.query(
        `INSERT INTO stitch_authorization_requests (id, stitch_state, user_id, provider, connection,
           code_verifier, code_challenge, nonce, redirect_uri, scope, status, expires_at)
         VALUES ($1::uuid, $1::text, 'u', 'p', 'c', $2, '', $2, '', '', $3, now() + $4::interval)`,
        [id, sealed, status, expires],
      );
    await insert(randomUUID(), 'completed', '1 hour');
    await insert(randomUUID(), 'pending', '-1 hour');
    expect(await refusal([NEW])).toBeUndefined();
    await insert(randomUUID(), 'pending', '1 hour');
    expect(await refusal([NEW])).toBe(missing(1));
  });
});
