import { ClaimStore } from '../../src/authorization-requests/claim.store.js';
import { ConfirmationStore } from '../../src/authorization-requests/confirmation.store.js';
import { RequestStore } from '../../src/authorization-requests/request.store.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { storesOf } from '../support/stores.js';
import { indexes, plansOf, rowsFrom, sequential } from './plans.js';

const ROWS = 20_000;
const LIMIT = 24;
const PROCESS = '00000000-0000-4000-8000-00000000000a';
const LEASE = {
  owner: `${PROCESS}/1`,
  duration: 15_000,
  takeOver: true,
  process: PROCESS,
  beat: 1,
  now: Date.now() + 3_600_000,
  epoch: 0,
};

describe('plans of the hot statements with 20,000 grants', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
    await database.query(
      `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
         refresh_token, scope, obtained_at, expires_at, refresh_due_at)
       SELECT 'stitch-money', 'user-' || n, 'default', gen_random_uuid(), 'active', '\\x01', '\\x01',
         'openid', now(), now() + interval '2 hours', now() + interval '1 hour' + n * interval '1 second'
       FROM generate_series(1, ${ROWS}) n`,
    );
    await database.query(
      `INSERT INTO stitch_authorization_requests (id, stitch_state, user_id, provider, connection,
         code_verifier, code_challenge, nonce, redirect_uri, scope, expires_at)
       SELECT gen_random_uuid(), 'state-' || n, 'user-' || n, 'stitch-money', 'default', '\\x01', '',
         '\\x01', '', '', now() + n * interval '1 second' FROM generate_series(1, ${ROWS}) n`,
    );
    await database.query(
      `INSERT INTO stitch_replicas (process, beat, beat_at, incarnation, stage)
       VALUES ($1, 1, now(), stitch_incarnation(), 3)`,
      [PROCESS],
    );
    await database.query(
      `INSERT INTO stitch_authorization_browsers (browser_hash, request_id)
       SELECT sha256(stitch_state::bytea), id FROM stitch_authorization_requests`,
    );
    await database.query(
      `INSERT INTO stitch_ended_consents (grant_id) SELECT gen_random_uuid()
       FROM generate_series(1, 5000)`,
    );
    await database.query('VACUUM ANALYZE');
  });
  afterAll(() => database.drop());

  const makeDue = (from: number, to: number, inDoubt: boolean) =>
    database.query(
      `UPDATE stitch_grants SET refresh_due_at = now() - interval '1 minute',
         lease_owner = NULL, lease_expires_at = NULL,
         rotation_started_at = CASE WHEN $3 THEN now() - interval '2 minutes' END
       WHERE user_id IN (SELECT 'user-' || n FROM generate_series($1::int, $2::int) n)`,
      [from, to, inDoubt],
    );
  const claimDue = () =>
    plansOf(database, (planned) =>
      storesOf(planned).rotations.claimDue('stitch-money', LIMIT, LEASE),
    );

  it('a claim finds nothing due without reading a single grant', async () => {
    const work = await claimDue();
    expect(sequential(work)).toEqual([]);
    expect(indexes(work)).toEqual(
      expect.arrayContaining(['stitch_grants_in_doubt_idx', 'stitch_grants_due_idx']),
    );
    expect(rowsFrom(work, 'stitch_grants_due_idx')).toBe(0);
    expect(work.wasted).toBe(0);
  });

  it('a claim of a backlog reads the rows it takes from the partial index, and no others', async () => {
    await makeDue(1, 5000, false);
    const work = await claimDue();
    expect(sequential(work)).toEqual([]);
    expect(rowsFrom(work, 'stitch_grants_due_idx')).toBe(LIMIT);
    expect(work.wasted).toBe(0);
  });

  it('a claim in doubt reads the rows it takes from its own index, however many are leased', async () => {
    await makeDue(1, 5000, false);
    for (let claims = 0; claims < 20; claims += 1) await claimDue();
    await makeDue(10_001, 10_100, true);
    const work = await claimDue();
    expect(sequential(work)).toEqual([]);
    expect(rowsFrom(work, 'stitch_grants_in_doubt_idx')).toBe(LIMIT);
    expect(work.wasted).toBe(0);
  });

  it('the claim of one grant, and its load, go by the primary key', async () => {
    const key = { provider: 'stitch-money', userId: 'user-15000', connection: 'default' };
    const claim = await plansOf(database, (planned) =>
      storesOf(planned).rotations.claimOne(key, 1, LEASE),
    );
    expect(indexes(claim)).toEqual(['stitch_grants_pkey']);
    const load = await plansOf(database, (planned) => storesOf(planned).grants.load(key));
    expect(indexes(load)).toEqual(['stitch_grants_pkey', 'stitch_ended_consents_pkey']);
    for (const work of [claim, load]) {
      expect(sequential(work)).toEqual([]);
      expect(rowsFrom(work, 'stitch_grants_pkey')).toBeLessThanOrEqual(2);
    }
  });

  it('a load of many grants at once reads each of them by the primary key', async () => {
    const keys = Array.from({ length: 100 }, (_, index) => ({
      provider: 'stitch-money',
      userId: `user-${String(150 * index + 1)}`,
      connection: 'default',
    }));
    const work = await plansOf(database, (planned) => storesOf(planned).grants.loadMany(keys));
    expect(sequential(work)).toEqual([]);
    expect(indexes(work)).toEqual(['stitch_grants_pkey', 'stitch_ended_consents_pkey']);
    expect(work.wasted).toBe(0);
  });

  it('commits and notes of reads go by the primary key, each row of theirs alone', async () => {
    const rows = Array.from({ length: 20 }, (_, index) => ({
      provider: 'stitch-money',
      userId: `user-${String(12_000 + 97 * index)}`,
      connection: 'default',
    }));
    const results = rows.map((key) => ({
      ...key,
      grantId: '00000000-0000-4000-8000-000000000001',
      version: 1,
      leaseOwner: 'test/1',
      accessToken: Buffer.alloc(1),
      refreshToken: null,
      scopes: null,
      obtainedAt: Date.now(),
      expiresAt: null,
      refreshDueAt: null,
    }));
    const reads = rows.map((key) => ({ ...key, at: Date.now() }));
    for (const work of [
      await plansOf(database, (planned) => storesOf(planned).rotations.commit(results)),
      await plansOf(database, (planned) => storesOf(planned).dueTimes.touch(reads, 0)),
    ]) {
      expect(sequential(work)).toEqual([]);
      expect(indexes(work)).toEqual(['stitch_grants_pkey']);
    }
  });

  it('when the next grant is due is read off the ends of the two indexes', async () => {
    const work = await plansOf(database, (planned) =>
      storesOf(planned).rotations.nextDueIn('stitch-money'),
    );
    expect(sequential(work)).toEqual([]);
    expect(indexes(work).sort()).toEqual(['stitch_grants_due_idx', 'stitch_grants_in_doubt_idx']);
    expect(rowsFrom(work, 'stitch_grants_due_idx')).toBeLessThanOrEqual(1);
  });

  it.each([
    ['state', { state: 'state-77', browsers: [] }],
    ['state and its cookie', { state: 'state-77', browsers: [Buffer.alloc(32)] }],
    ['cookie alone', { state: undefined, browsers: [Buffer.alloc(32), Buffer.alloc(32, 1)] }],
  ])('a callback finds its request by the %s', async (_, proof) => {
    const work = await plansOf(database, (planned) =>
      new ClaimStore(planned).claim('stitch-money', {
        ...proof,
        sameBrowser: false,
        answerHash: Buffer.alloc(32, 2),
        visitor: Buffer.alloc(32, 3),
      }),
    );
    expect(sequential(work)).toEqual([]);
    expect(work.wasted).toBeLessThanOrEqual(1);
  });

  it('the grants of a user are found without reading those of others', async () => {
    const work = await plansOf(database, (planned) => storesOf(planned).users.list('user-77'));
    expect(sequential(work)).toEqual([]);
    expect(indexes(work)).toContain('stitch_grants_pkey');
    expect(work.wasted).toBe(0);
  });

  it('the purge walks the index of ends and reads no request that is young', async () => {
    const work = await plansOf(database, (planned) => new RequestStore(planned).purge());
    expect(sequential(work)).toEqual([]);
    expect(indexes(work)).toContain('stitch_authorization_requests_expires_at_idx');
    expect(rowsFrom(work, 'stitch_authorization_requests_expires_at_idx')).toBe(0);
  });

  it('what was not confirmed in time is found by its age, without reading a grant', async () => {
    const work = await plansOf(database, (planned) => {
      const unconfirmed = storesOf(planned).unconfirmed;
      return Promise.all([
        new ConfirmationStore().lockUnconfirmed(planned.query, 3_600_000),
        unconfirmed.discardOrphans(planned.query, 3_600_000),
      ]);
    });
    expect(sequential(work).filter((node) => node['Relation Name'] === 'stitch_grants')).toEqual(
      [],
    );
    expect(indexes(work)).toEqual(
      expect.arrayContaining([
        'stitch_authorization_requests_unconfirmed_idx',
        'stitch_grants_unconfirmed_idx',
      ]),
    );
    expect(work.wasted).toBe(0);
  });
});
