import pg from 'pg';
import { Migrator } from '../../src/database/index.js';
import { connectionTo, createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { eventually } from '../support/wait.js';

/** As `pg_dump` does: it has a lock on every table until its end. */
const DUMP = 'BEGIN; SELECT count(*) FROM stitch_events; SELECT count(*) FROM stitch_grants';

/** As a vault does: with a deadline. */
const READ = `BEGIN; SET LOCAL statement_timeout = 2500; SELECT count(*) FROM stitch_events; COMMIT`;

/** A lock that is waited for keeps everybody waiting who comes later, readers too. */
describe('a migration while somebody reads the tables for long', () => {
  let database: TestDatabase;
  let migrator: Migrator;
  let reader: pg.Client;
  beforeEach(async () => {
    database = await createDatabase();
    migrator = new Migrator(connectionTo(database.url));
    reader = new pg.Client({ connectionString: database.url, application_name: 'nightly dump' });
    await reader.connect();
  });
  afterEach(async () => {
    await reader.end();
    await database.drop();
  });

  it.each([
    ['taken back', () => Promise.resolve()],
    ['applied', () => migrator.revert()],
  ] as const)(
    'is %s once they have ended, and holds nobody up until then',
    async (what, before) => {
      await before();
      await reader.query(DUMP);
      const waits: (readonly string[])[] = [];
      let ended = false;
      const onWaiting = (holders: readonly string[]) => void waits.push(holders);
      const change =
        what === 'applied' ? migrator.run(undefined, onWaiting) : migrator.revert(onWaiting);
      const done = change.finally(() => (ended = true));
      await eventually('it has tried twice', async () => {
        await database.query(READ);
        return waits.length > 1;
      });
      expect(ended).toBe(false);
      expect(waits[0]?.join()).toMatch(/^process \d+ \(nightly dump\), in a transaction since 2/);
      await reader.query('COMMIT');
      await done;
      const states = await migrator.show();
      expect(states.at(-1)?.applied).toBe(what === 'applied');
    },
  );
});
