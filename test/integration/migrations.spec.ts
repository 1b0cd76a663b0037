import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { DataSource } from 'typeorm';
import type { EntitySchema } from 'typeorm';
import { Migrator, dataSourceOptions } from '../../src/database/index.js';
import { knownMigrations } from '../../src/database/migrator.js';
import { connectionTo, createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { dumpSchema } from '../support/schema-dump.js';

/** The schema as reviewed. `UPDATE_SCHEMA=1 npm test -- migrations` writes it anew. */
const REVIEWED = 'test/support/schema.sql';

describe('migrations', () => {
  let database: TestDatabase;
  let migrator: Migrator;
  beforeEach(async () => {
    database = await createDatabase({ empty: true });
    migrator = new Migrator(connectionTo(database.url));
  });
  afterEach(() => database.drop());

  const relations = async () => {
    const rows = await database.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
         AND relkind IN ('r', 'i', 'S') UNION ALL
       SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace`,
    );
    return rows.map(({ name }) => name).filter((name) => !/^(migrations|PK_)/.test(name));
  };

  it('build the schema that was reviewed', async () => {
    await migrator.run();
    const dump = await dumpSchema(database);
    if (process.env.UPDATE_SCHEMA) writeFileSync(REVIEWED, dump);
    expect(dump).toBe(readFileSync(REVIEWED, 'utf8'));
  });

  it('run once, show what is applied, and do nothing the second time', async () => {
    const names = knownMigrations();
    expect(await migrator.show()).toEqual(names.map((name) => ({ name, applied: false })));
    expect((await migrator.run()).applied).toEqual(names);
    expect(await migrator.show()).toEqual(names.map((name) => ({ name, applied: true })));
    expect((await migrator.run()).applied).toEqual([]);
  });

  it('leave nothing behind when all are reverted, and can be run again', async () => {
    const names = knownMigrations();
    await migrator.run();
    const before = await dumpSchema(database);
    for (const name of names.toReversed()) expect(await migrator.revert()).toEqual([name]);
    expect(await relations()).toEqual([]);
    expect(await migrator.revert()).toEqual([]);
    expect((await migrator.run()).applied).toEqual(names);
    expect(await dumpSchema(database)).toBe(before);
  });

  it('can be reverted one by one and run again from there, without losing a grant', async () => {
    const names = knownMigrations();
    await migrator.run();
    await database.query(
      `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
         scope, obtained_at)
       VALUES ('p', 'u', 'c', gen_random_uuid(), 'active', '\\x01', '', now())`,
    );
    const before = await dumpSchema(database);
    for (let newest = names.length - 1; newest > 0; newest -= 1) await migrator.revert();
    await migrator.run();
    expect(await dumpSchema(database)).toBe(before);
    expect(await database.query('SELECT 1 FROM stitch_grants')).toHaveLength(1);
  });

  it('have what is not confirmed yet revoked when its table is taken back', async () => {
    const names = knownMigrations();
    await migrator.run();
    await database.query(
      `INSERT INTO stitch_unconfirmed_grants (grant_id, provider, user_id, connection,
         access_token, refresh_token, scope, obtained_at)
       SELECT gen_random_uuid(), 'p', 'u' || n, 'c', '\\x01', CASE n WHEN 1 THEN '\\x02'::bytea END,
         '', now() FROM generate_series(1, 2) n`,
    );
    const newest = names.length - names.indexOf('UnconfirmedGrants1763774400000');
    for (let reverted = 0; reverted < newest; reverted += 1) await migrator.revert();
    expect(await database.query('SELECT user_id, refresh_token FROM stitch_revocations')).toEqual([
      { user_id: 'u1', refresh_token: Buffer.from([2]) },
    ]);
  });

  it('run one after the other when several replicas start at once', async () => {
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => new Migrator(connectionTo(database.url)).run()),
    );
    expect(runs.map(({ applied }) => applied).filter((names) => names.length > 0)).toEqual([
      knownMigrations(),
    ]);
    expect(await migrator.show()).toEqual(
      knownMigrations().map((name) => ({ name, applied: true })),
    );
  });

  it('are applied as a whole or not at all', async () => {
    await database.query('CREATE TABLE service_clients (in_the_way integer)');
    await expect(migrator.run()).rejects.toThrow(/service_clients/);
    expect(await relations()).toEqual(['service_clients']);
    await database.query('DROP TABLE service_clients');
    expect((await migrator.run()).applied).toEqual(knownMigrations());
  });

  it('build the tables that the entities describe', async () => {
    await migrator.run();
    const dataSource = new DataSource({
      ...dataSourceOptions(connectionTo(database.url)),
      entities: await allEntities(),
    });
    await dataSource.initialize();
    expect(dataSource.entityMetadatas.length).toBeGreaterThanOrEqual(3);
    try {
      const differences = async () => {
        const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
        return upQueries.map(({ query }) => query);
      };
      expect(await differences()).toEqual([]);
      await database.query('ALTER TABLE stitch_grants ALTER COLUMN scope DROP NOT NULL');
      expect(await differences()).not.toEqual([]);
    } finally {
      await dataSource.destroy();
    }
  });
});

/** Every entity class of the product, so that a new one can't be forgotten here. */
async function allEntities(): Promise<EntitySchema[]> {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' });
  const modules: Record<string, EntitySchema>[] = [];
  // One after the other: Jest's loader of modules does not take two at once that share some.
  for (const file of files.filter((name) => name.endsWith('.entity.ts'))) {
    modules.push((await import(`../../src/${file}`)) as Record<string, EntitySchema>);
  }
  return modules.flatMap((module) => Object.values(module));
}
