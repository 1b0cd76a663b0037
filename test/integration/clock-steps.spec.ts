import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { noteClockStep } from '../../src/database/clock-steps.store.js';
import { Database, dataSourceOptions } from '../../src/database/index.js';
import { connectionTo, createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { eventually } from '../support/wait.js';

const STEP = { by: -600_000, at: 0, since: -1000 };

describe("a step of the database's clock", () => {
  let real: TestDatabase;
  let dataSource: DataSource;
  let database: Database;
  beforeEach(async () => {
    real = await createDatabase();
    dataSource = new DataSource(dataSourceOptions(connectionTo(real.url, 3)));
    database = new Database(dataSource);
    await database.probe(() => Promise.resolve(true));
  });
  afterEach(async () => {
    await dataSource.destroy();
    await real.drop();
  });

  it('is told once by two replicas that notice it in the same moment', async () => {
    const [ann, ben] = [randomUUID(), randomUUID()];
    let end: () => void = () => undefined;
    const mayEnd = new Promise<void>((resolve) => (end = resolve));
    let isWritten = false;
    const first = database.transaction(async (query) => {
      await noteClockStep(query, ann, STEP);
      isWritten = true;
      await mayEnd;
    });
    await eventually('the first has written it', () => isWritten);
    let hasEnded = false;
    const second = database
      .transaction((query) => noteClockStep(query, ben, STEP))
      .then(() => (hasEnded = true));
    await eventually('the second has seen nothing of it, or waits', async () => {
      const waiting = await real.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`,
        [real.name],
      );
      return hasEnded || waiting.length > 0;
    });
    end();
    await Promise.all([first, second]);
    expect(await real.query('SELECT process FROM stitch_clock_steps')).toEqual([{ process: ann }]);
    const events = `SELECT 1 FROM stitch_events WHERE type = 'database.clock_stepped'`;
    expect(await real.query(events)).toHaveLength(1);
  });
});
