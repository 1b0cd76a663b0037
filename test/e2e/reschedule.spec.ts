import { launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';

describe('a policy that is wider than the one before', () => {
  it('is in force although the database refused it at the start', async () => {
    const world = await createWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
    try {
      await world.link('nia');
      await world.vaults.pop()!.stop();
      await world.database.query(`
        UPDATE stitch_grants SET refresh_due_at = NULL;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN RAISE SQLSTATE ''57014''; END';
        CREATE TRIGGER refuse BEFORE UPDATE OF refresh_due_at ON stitch_grants FOR EACH ROW
          EXECUTE FUNCTION refuse()`);
      const next = await launchVault({ ...world.environment, REFRESH_POLICY: 'all' });
      world.vaults.push(next);
      const told = () => next.logs.filter((line) => line.includes('schedule.reschedule_failed'));
      await eventually('it was refused', () => told().length > 0);
      await world.database.query('DROP TRIGGER refuse ON stitch_grants');
      await eventually('the grant is on the schedule', async () => {
        const rows = await world.database.query(
          'SELECT 1 FROM stitch_grants WHERE refresh_due_at > now()',
        );
        return rows.length === 1;
      });
      expect(told()).toHaveLength(1);
    } finally {
      await world.close();
    }
  });
});
