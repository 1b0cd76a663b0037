import { Migrator } from '../../src/database/index.js';
import { knownMigrations } from '../../src/database/migrator.js';
import { connectionTo, createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';

describe('the migration that takes two scopes out of tokens:read', () => {
  let database: TestDatabase;
  let migrator: Migrator;
  beforeEach(async () => {
    database = await createDatabase({ empty: true });
    migrator = new Migrator(connectionTo(database.url));
    await migrator.run();
    const back = knownMigrations().toReversed().indexOf('Callers1764154800000') + 1;
    for (let reverted = 0; reverted < back; reverted += 1) await migrator.revert();
  });
  afterEach(() => database.drop());

  const scopes = async () =>
    Object.fromEntries(
      (
        await database.query<{ name: string; scopes: string[] }>(
          'SELECT name, scopes FROM service_clients ORDER BY name',
        )
      ).map((row) => [row.name, row.scopes]),
    );

  it('gives them to whoever has tokens:read, so that nothing breaks, and to nobody else', async () => {
    await database.query(
      `INSERT INTO service_clients (name, key_hash, scopes) VALUES
         ('reader', '\\x01', '{tokens:read}'), ('linker', '\\x02', '{authorizations:write}'),
         ('both', '\\x03', '{authorizations:write,tokens:read}'), ('boss', '\\x04', '{admin}')`,
    );
    await migrator.run();
    expect(await scopes()).toEqual({
      boss: ['admin'],
      both: ['authorizations:write', 'tokens:read', 'tokens:reject', 'sessions:write'],
      linker: ['authorizations:write'],
      reader: ['tokens:read', 'tokens:reject', 'sessions:write'],
    });
    const rows = await database.query<{ client_id: string }>(
      'SELECT client_id FROM service_clients',
    );
    expect(new Set(rows.map(({ client_id }) => client_id)).size).toBe(4);
  });

  it('takes back what the version before would not know: restricted clients are revoked', async () => {
    await migrator.run();
    await database.query(
      `INSERT INTO service_clients (name, key_hash, scopes, providers, user_prefixes, expires_at)
       VALUES ('free', '\\x01', '{tokens:read,tokens:reject,client-tokens:read}', NULL, NULL, NULL),
         ('one', '\\x02', '{tokens:read}', '{stitch-money}', NULL, NULL),
         ('two', '\\x03', '{tokens:read}', NULL, '{a-}', NULL),
         ('brief', '\\x04', '{tokens:read}', NULL, NULL, now() + interval '1 hour'),
         ('keyless', NULL, '{tokens:read}', NULL, NULL, NULL)`,
    );
    const back = knownMigrations().toReversed().indexOf('Callers1764154800000') + 1;
    for (let reverted = 0; reverted < back; reverted += 1) await migrator.revert();
    const valid = await database.query(
      'SELECT name, scopes FROM service_clients WHERE revoked_at IS NULL',
    );
    expect(valid).toEqual([{ name: 'free', scopes: ['tokens:read'] }]);
  });
});
