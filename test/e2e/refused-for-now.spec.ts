import { holdAnswers } from '../support/hold-answers.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

/** What a server refuses writes with that may take them an hour later. */
const REFUSALS = [
  ['a trigger that somebody put there for a maintenance', 'P0001'],
  ['a damaged page of a table or an index', 'XX001'],
  ['a column that has another type for now', '42804'],
  ['transaction ids that are about to wrap around', '54000'],
  ['a table that is not in the state for it', '55000'],
] as const;

/**
 * The refresh token that an answer came for is spent: set aside, the answer would be lost, and the
 * token presented once more.
 */
describe('an answer that the database refuses for something that is not in it', () => {
  let world: World;
  beforeEach(async () => {
    world = await createWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
    await world.link('nia');
  });
  afterEach(() => world.close());

  const refuse = (sqlState: string) =>
    world.database.query(`
      CREATE SEQUENCE refusals;
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM nextval(''refusals''); RAISE SQLSTATE ''${sqlState}''; END';
      CREATE TRIGGER refuse BEFORE UPDATE OF access_token ON stitch_grants FOR EACH ROW
        WHEN (OLD.access_token IS DISTINCT FROM NEW.access_token) EXECUTE FUNCTION refuse()`);

  it.each(REFUSALS)('is kept, and committed once it is taken: %s (%s)', async (_, sqlState) => {
    await world.age('nia', 890);
    const letAnswersGo = holdAnswers(world.sandbox.switches);
    const reading = world.read('nia');
    await eventually('it is being rotated', () => world.sandbox.stats.refreshCalls === 1);
    await refuse(sqlState);
    letAnswersGo();
    await eventually('it was refused twice', async () => {
      const rows = await world.database.query('SELECT 1 FROM refusals WHERE last_value > 1');
      return rows.length > 0;
    });
    await world.database.query('DROP TRIGGER refuse ON stitch_grants');
    const answer = await reading;
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as TokenAnswer).version).toBe(2);
    expect(world.sandbox.stats).toMatchObject({ refreshCalls: 1, reuseEvents: 0 });
  });

  it('holds its grant once that is taken, where it could not be understood', async () => {
    await world.age('nia', 890);
    world.sandbox.switches.tokenFault = 'malformed_after';
    await world.database.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE SQLSTATE ''P0001''; END';
      CREATE TRIGGER refuse BEFORE UPDATE OF held_at ON stitch_grants FOR EACH ROW
        EXECUTE FUNCTION refuse()`);
    const reading = world.read('nia');
    const told = () => world.vault.logs.filter((line) => line.includes('"grant.hold_failed"'));
    await eventually('it was refused', () => told().length > 0);
    await world.database.query('DROP TRIGGER refuse ON stitch_grants');
    await eventually('it is held', async () => {
      const rows = await world.database.query(
        'SELECT 1 FROM stitch_grants WHERE held_at IS NOT NULL',
      );
      return rows.length === 1;
    });
    await reading;
    expect(told()).toHaveLength(1);
    expect(world.sandbox.stats).toMatchObject({ refreshCalls: 1, reuseEvents: 0 });
  });
});
