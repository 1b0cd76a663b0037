import { ConfirmationStore } from '../../src/authorization-requests/confirmation.store.js';
import { LinkService } from '../../src/authorization-requests/link.service.js';
import { Database } from '../../src/database/index.js';
import { createConfirmWorld } from '../support/confirm-world.js';
import type { ConfirmWorld } from '../support/confirm-world.js';
import { requestStatus } from '../support/requests.js';

const REFUSED = { http: 409, code: 'not_awaiting_confirmation' };
const EXPIRED = { status: 'failed', error: 'confirmation_expired' };

describe('a consent that nobody confirms', () => {
  let world: ConfirmWorld;
  beforeEach(async () => {
    world = await createConfirmWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterEach(() => world.close());

  /** The purge as the timer of a replica would run it. */
  const purge = (replica = 0) => world.vaults[replica]!.app.get(LinkService).purge();
  const live = () => world.sandbox.stats.liveAccessTokens;
  /** Lets a consent be so many minutes old. */
  const age = async (id: string, minutes: number) => {
    for (const table of ['stitch_grants', 'stitch_unconfirmed_grants']) {
      await world.database.query(
        `UPDATE ${table} SET obtained_at = obtained_at - $2 * interval '1 minute'
         WHERE grant_id = $1`,
        [id, minutes],
      );
    }
    await world.database.query(
      `UPDATE stitch_authorization_requests
       SET completed_at = completed_at - $2 * interval '1 minute' WHERE id = $1`,
      [id, minutes],
    );
  };
  const grantsOf = (user: string) =>
    world.database.query('SELECT 1 FROM stitch_grants WHERE user_id = $1', [user]);

  it('is discarded and revoked after an hour, alone or beside a grant, and its request ends', async () => {
    await world.link('ben');
    const before = await world.token('ben');
    const alone = await world.consented('ann');
    const beside = await world.consented('ben');
    for (const { id } of [alone, beside]) await age(id, 61);
    expect(live()).toBe(3);
    await Promise.all([purge(0), purge(1), purge(0), purge(1)]);
    expect([await grantsOf('ann'), await world.aside('ben')]).toEqual([[], []]);
    await world.revoked();
    expect(world.sandbox.stats.familiesRevoked).toBe(2);
    expect([live(), world.sandbox.isLive(before.access_token)]).toEqual([1, true]);
    expect(await world.token('ben', 1)).toMatchObject({ access_token: before.access_token });
    for (const { id } of [alone, beside]) {
      expect(await requestStatus(world, id)).toMatchObject(EXPIRED);
    }
    expect(await world.confirm(alone.id, 'ann')).toMatchObject(REFUSED);
    expect(await world.confirm(beside.id, 'ben')).toMatchObject(REFUSED);
    expect(await world.confirm(beside.id, 'eve')).toMatchObject(REFUSED);
    expect((await world.eventsOf('ann')).concat(await world.eventsOf('ben'))).toMatchObject([
      { type: 'grant.linked', user_id: 'ben' },
    ]);
  });

  it('can be confirmed until then', async () => {
    await world.link('ben');
    const alone = await world.consented('ann');
    const beside = await world.consented('ben');
    for (const { id } of [alone, beside]) await age(id, 59);
    await purge();
    for (const [{ id }, user] of [
      [alone, 'ann'],
      [beside, 'ben'],
    ] as const) {
      expect((await world.confirm(id, user)).http).toBe(200);
    }
    // And what was confirmed stays, whatever its age.
    for (const { id } of [alone, beside]) await age(id, 600);
    await purge();
    expect([await grantsOf('ann'), await grantsOf('ben')]).toMatchObject([[{}], [{}]]);
  });

  it('is left alone by the purge while it is being confirmed, and confirmed it is', async () => {
    const { id } = await world.consented('ann');
    await age(id, 61);
    const { app } = world.vault;
    await app.get(Database).transaction(async (query) => {
      await app.get(ConfirmationStore).lock(query, id);
      await purge(1);
    });
    expect((await requestStatus(world, id)).status).toBe('awaiting_confirmation');
    const [confirmed] = await Promise.all([world.confirm(id, 'ann'), purge(1)]);
    expect(await requestStatus(world, id)).toMatchObject(
      confirmed.http === 200 ? { status: 'completed', error: null } : EXPIRED,
    );
    expect((await world.read('ann')).status).toBe(confirmed.http === 200 ? 200 : 404);
  });

  it('is discarded and revoked when its request is gone, in either place, but not a young one', async () => {
    await world.link('ben');
    await world.link('cas');
    const ids = new Map<string, string>();
    for (const user of ['ann', 'ben', 'cas', 'dee']) {
      ids.set(user, (await world.consented(user)).id);
    }
    for (const user of ['ann', 'ben']) await age(ids.get(user)!, 61);
    await world.database.query(
      `DELETE FROM stitch_authorization_requests WHERE id = ANY($1::uuid[])`,
      [[...ids.values()]],
    );
    await Promise.all([purge(0), purge(1)]);
    expect([await grantsOf('ann'), await world.aside('ben')]).toEqual([[], []]);
    expect([await grantsOf('dee'), await world.aside('cas')]).toMatchObject([
      [{}],
      [ids.get('cas')],
    ]);
    await world.revoked();
    expect(world.sandbox.stats.familiesRevoked).toBe(2);
    expect((await world.read('ben')).status).toBe(200);
  });

  it('ends a request whose grant was deleted meanwhile, and keeps it as long as any other', async () => {
    const { id } = await world.consented('ann');
    await world.deleteGrant('ann');
    await age(id, 61);
    await purge();
    expect(await requestStatus(world, id)).toMatchObject(EXPIRED);
    const expires = (ago: string) =>
      world.database.query(
        `UPDATE stitch_authorization_requests SET expires_at = now() - $2::interval WHERE id = $1`,
        [id, ago],
      );
    await expires('23 hours');
    await purge();
    expect(await requestStatus(world, id)).toMatchObject(EXPIRED);
    await expires('25 hours');
    await purge();
    expect(await requestStatus(world, id)).toMatchObject({ status: 404, code: 'not_found' });
  });

  it('does not lose its request before its grant: however late the purge comes', async () => {
    const { id } = await world.consented('ann');
    await world.database.query(
      `UPDATE stitch_authorization_requests SET expires_at = now() - interval '3 days'
       WHERE id = $1`,
      [id],
    );
    await purge();
    expect((await requestStatus(world, id)).status).toBe('awaiting_confirmation');
    await age(id, 3 * 24 * 60);
    await purge();
    await world.revoked();
    expect([await grantsOf('ann'), live()]).toEqual([[], 0]);
    expect(world.sandbox.stats.familiesRevoked).toBe(1);
  });
});
