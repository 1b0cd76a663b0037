import { LinkService } from '../../src/authorization-requests/link.service.js';
import { EventDelivery } from '../../src/events/index.js';
import { createConfirmWorld } from '../support/confirm-world.js';
import type { ConfirmWorld } from '../support/confirm-world.js';
import { allDelivered, insertGrants } from '../support/outbox.js';
import { startReceiver } from '../support/receiver.js';
import { requestStatus } from '../support/requests.js';
import { launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';

const HOUR_MS = 3_600_000;

describe("after the database's clock was set", () => {
  let world: ConfirmWorld;
  beforeEach(async () => {
    world = await createConfirmWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterEach(() => world.close());

  /** Notes a step as a replica that noticed it would have; those that begin later know of it. */
  const noteStep = (ms: number) =>
    world.database.query(
      `INSERT INTO stitch_clock_steps (seen_at, by_ms, process) VALUES (now(), $1, gen_random_uuid())`,
      [ms],
    );
  const oldEvents = () =>
    world.database.query(
      `SELECT 1 FROM stitch_events WHERE created_at < now() - interval '1 month'`,
    );
  const revocations = () => world.database.query('SELECT 1 FROM stitch_revocations');

  it('back, neither revocations nor webhooks wait until it shows the same time once more', async () => {
    await world.link('ann');
    world.sandbox.switches.down = true;
    await world.vault.request('/tokens/ann', { key: world.key, method: 'DELETE' });
    await insertGrants(world.database, 1, 3);
    for (const table of ['stitch_revocations', 'stitch_events']) {
      await world.database.query(`UPDATE ${table} SET due_at = now() + interval '1 h'`);
    }
    world.sandbox.switches.down = false;
    await noteStep(-HOUR_MS);
    const receiver = await startReceiver();
    const after = await launchVault({ ...world.environment, ...receiver.environment });
    try {
      await allDelivered(world.database);
      await eventually('it is revoked', async () => (await revocations()).length === 0);
      expect(world.sandbox.stats.familiesRevoked).toBe(1);
    } finally {
      await after.stop();
      await receiver.close();
    }
  });

  it('a year ahead, nothing is deleted or discarded for its age until it stayed so for a day', async () => {
    await world.link('ann');
    const { id } = await world.consented('ben');
    await world.database.query(
      `UPDATE stitch_events SET created_at = created_at - interval '1 year'`,
    );
    await world.database.query(
      `UPDATE stitch_authorization_requests SET completed_at = completed_at - interval '1 year'
       WHERE id = $1`,
      [id],
    );
    await noteStep(365 * 24 * HOUR_MS);
    const cleanUp = async () => {
      const after = await launchVault(world.environment);
      try {
        await after.app.get(EventDelivery).upkeep();
        await after.app.get(LinkService).purge();
      } finally {
        await after.stop();
      }
    };
    await cleanUp();
    expect(await oldEvents()).toHaveLength(1);
    expect((await requestStatus(world, id)).status).toBe('awaiting_confirmation');
    // A replica that knows of no step does it.
    await world.database.query('DELETE FROM stitch_clock_steps');
    await cleanUp();
    expect(await oldEvents()).toEqual([]);
    expect((await requestStatus(world, id)).status).toBe('failed');
  });
});
