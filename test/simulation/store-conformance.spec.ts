import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { Database, dataSourceOptions } from '../../src/database/index.js';
import type { ProviderTrustStore, RestoreStore, RotationStore } from '../../src/grants/index.js';
import type { ClaimedGrant, Grant } from '../../src/grants/index.js';
import { connectionTo, createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { storesOf } from '../support/stores.js';
import { eventually } from '../support/wait.js';
import { ModelStore } from './model-store.js';

const USERS = ['a', 'b', 'c'];
const PROCESS = '00000000-0000-4000-8000-00000000000a';
const GRANT_ID = '00000000-0000-4000-8000-000000000001';
const key = (userId: string) => ({ provider: 'model', userId, connection: 'default' });

const user = fc.constantFrom(...USERS);
const owner = fc.constantFrom('x/1', 'y/1');
const operation = fc.oneof(
  fc.record({
    op: fc.constant('claimDue' as const),
    owner,
    takeOver: fc.boolean(),
  }),
  fc.record({
    op: fc.constant('claimProbe' as const),
    owner,
    takeOver: fc.boolean(),
    doubtFirst: fc.boolean(),
  }),
  fc.record({
    op: fc.constant('trust' as const),
    asked: fc.constantFrom(-5, 1),
  }),
  fc.record({
    op: fc.constant('giveTurn' as const),
    asked: fc.constantFrom(-5, 1),
  }),
  fc.record({
    op: fc.constant('claimOne' as const),
    owner,
    user,
    version: fc.integer({ min: 1, max: 3 }),
    takeOver: fc.boolean(),
  }),
  fc.record({
    op: fc.constant('commit' as const),
    owner,
    user,
    version: fc.integer({ min: 1, max: 3 }),
    asked: fc.integer({ min: -50, max: 0 }),
    known: fc.boolean(),
  }),
  fc.record({
    op: fc.constant('fail' as const),
    owner,
    user,
    version: fc.integer({ min: 1, max: 3 }),
    inDoubt: fc.boolean(),
    spent: fc.boolean(),
  }),
  fc.record({
    op: fc.constant('release' as const),
    owner,
    user,
    version: fc.integer({ min: 1, max: 3 }),
    inDoubt: fc.boolean(),
    off: fc.boolean(),
  }),
  fc.record({
    op: fc.constant('retire' as const),
    owner,
    user,
    version: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    op: fc.constant('restore' as const),
    user,
    version: fc.integer({ min: 1, max: 4 }),
    asked: fc.constantFrom(-200, -50, -1),
    late: fc.boolean(),
    presented: fc.constantFrom('refresh', 'refresh -50', undefined),
  }),
  fc.record({ op: fc.constant('shorten' as const), process: fc.constantFrom('x', 'y') }),
  fc.record({ op: fc.constant('pass' as const), seconds: fc.constantFrom(10, 20, 40) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Milliseconds: the model's time, and by how much it is ahead of the real one. */
interface Time {
  now: number;
  passed: number;
}

/** What of a row is compared: all but exact times, which two clocks never agree on. */
const facts = (grant: Grant | undefined) =>
  grant && {
    user: grant.userId,
    status: grant.status,
    reason: grant.reason,
    version: grant.version,
    owner: grant.leaseOwner,
    started: grant.rotationStartedAt !== null,
    scheduled: grant.refreshDueAt !== null,
    failures: grant.failureCount,
    error: grant.lastError,
    access: grant.accessToken.toString(),
    refresh: grant.refreshToken?.toString(),
  };

describe('the SQL of the rotation and the model that the simulation uses', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let sql: RotationStore;
  let trust: ProviderTrustStore;
  let restoring: RestoreStore;
  beforeAll(async () => {
    database = await createDatabase();
    dataSource = new DataSource(dataSourceOptions(connectionTo(database.url)));
    const connection = new Database(dataSource);
    await connection.probe(() => Promise.resolve(true));
    ({ rotations: sql, trust, restoring } = storesOf(connection));
    await database.query(
      `INSERT INTO stitch_replicas (process, beat, beat_at, incarnation, stage)
       VALUES ($1, 1, now(), stitch_incarnation(), 3)`,
      [PROCESS],
    );
    // Leases are taken over from a server that has been up for a while only.
    await eventually('the server has settled', async () => {
      const [row] = await database.query<{ settled: boolean }>(
        `SELECT pg_postmaster_start_time() < now() - interval '5 seconds' AS settled`,
      );
      return row?.settled;
    });
  });
  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  async function rows(): Promise<Grant[]> {
    const connection = new Database(dataSource);
    await connection.probe(() => Promise.resolve(true));
    const grants = storesOf(connection).grants;
    const loaded = await Promise.all(USERS.map((name) => grants.load(key(name))));
    return loaded.filter((grant) => grant !== undefined);
  }

  async function apply(operation: Operation, model: ModelStore, time: Time) {
    const lease = (owner: string, takeOver: boolean, now = Date.now()) => ({
      owner,
      takeOver,
      duration: 15_000,
      process: PROCESS,
      beat: 1,
      now,
      epoch: 0,
    });
    const seen = (name: string, version: number): Grant => ({ ...model.load(key(name))!, version });
    const claims = (found: (ClaimedGrant | undefined)[]) =>
      found.map((grant) => ({ ...facts(grant), inDoubt: grant?.inDoubt }));
    // As real time passes, and no two at the same time: what is due has the same order in both.
    time.now = Math.max(time.now + 1, Date.now() + time.passed);
    switch (operation.op) {
      case 'claimDue': {
        const { owner, takeOver } = operation;
        // All there are: of several that became due together, which one comes first is open.
        const limit = USERS.length;
        const real = claims(await sql.claimDue('model', limit, lease(owner, takeOver)));
        const expected = claims([
          ...model.claimInDoubt('model', limit, lease(owner, takeOver, time.now)),
          ...model.claimDue('model', limit, lease(owner, takeOver, time.now)),
        ]);
        const names = (list: typeof real) => list.map((each) => each.user).sort();
        expect(names(real)).toEqual(names(expected));
        return;
      }
      case 'claimProbe': {
        const { owner, takeOver, doubtFirst } = operation;
        const [wait, modelled] = [await trust.caution('model'), model.caution('model')];
        expect(typeof wait).toBe(typeof modelled);
        expect(Math.abs((wait ?? 0) - (modelled ?? 0))).toBeLessThan(2000);
        const real = await sql.claimProbe('model', lease(owner, takeOver), doubtFirst);
        const taken = real[0]?.userId;
        const expected = model.claimProbe(
          'model',
          lease(owner, takeOver, time.now),
          doubtFirst,
          taken,
        );
        expect(claims(real)).toEqual(claims(expected));
        return;
      }
      case 'trust': {
        // A call that was made before the provider was suspected, or after it.
        await trust.trustProvider('model', Date.now() + operation.asked * 1000);
        model.trustProvider('model', time.now + operation.asked * 1000);
        return;
      }
      case 'giveTurn': {
        await trust.giveTurn('model', Date.now() + operation.asked * 1000);
        model.giveTurn('model', time.now + operation.asked * 1000);
        return;
      }
      case 'claimOne': {
        const { owner, user, version, takeOver } = operation;
        const real = await sql.claimOne(key(user), version, lease(owner, takeOver));
        expect(claims([real])).toEqual(
          claims([model.claimOne(key(user), version, lease(owner, takeOver, time.now))]),
        );
        return;
      }
      case 'commit': {
        const { owner, user, version, asked, known } = operation;
        const result = {
          ...key(user),
          grantId: known ? GRANT_ID : '00000000-0000-4000-8000-000000000002',
          version,
          leaseOwner: owner,
          accessToken: Buffer.from(`access ${String(version)} ${String(asked)}`),
          refreshToken: asked % 2 === 0 ? Buffer.from(`refresh ${String(asked)}`) : null,
          scopes: null,
          obtainedAt: time.now + asked * 1000,
          expiresAt: time.now + 900_000,
          refreshDueAt: time.now + 25_000,
        };
        // The real rows carry the real time; ages are the same.
        const shift = Date.now() - time.now;
        const real = await sql.commit([
          {
            ...result,
            obtainedAt: result.obtainedAt + shift,
            expiresAt: result.expiresAt + shift,
            refreshDueAt: result.refreshDueAt + shift,
          },
        ]);
        expect(real).toEqual(model.commit([result]));
        return;
      }
      case 'fail': {
        const { owner, user, version, inDoubt, spent } = operation;
        const attempt = { error: 'failed', retryIn: 5000, inDoubt, refused: false, spent };
        await sql.fail(seen(user, version), owner, attempt);
        model.fail(seen(user, version), owner, attempt);
        return;
      }
      case 'release': {
        const { owner, user, version, inDoubt, off } = operation;
        await sql.release(seen(user, version), owner, inDoubt, off ? null : 5000);
        model.release(seen(user, version), owner, inDoubt, off ? null : 5000);
        return;
      }
      case 'retire': {
        const { owner, user, version } = operation;
        const real = await sql.retire(
          seen(user, version),
          owner,
          'rotation_lost',
          'invalid_grant',
          4,
        );
        expect(real).toBe(
          model.retire(seen(user, version), owner, 'rotation_lost', 'invalid_grant', 4),
        );
        return;
      }
      case 'restore': {
        const { user, version, asked, late, presented } = operation;
        const remembered = {
          ...key(user),
          grantId: GRANT_ID,
          version,
          accessToken: Buffer.from(`remembered ${String(version)}`),
          refreshToken: Buffer.from(`remembered ${String(version)}`),
          scopes: [],
          obtainedAt: time.now + asked * 1000,
          expiresAt: time.now + 900_000,
          refreshDueAt: time.now - 1000,
          ...(presented !== undefined && { presented: Buffer.from(presented) }),
        };
        // The real rows carry the real time; ages are the same.
        const shift = Date.now() - time.now;
        const real = await restoring.restore(
          [
            {
              ...remembered,
              obtainedAt: remembered.obtainedAt + shift,
              expiresAt: remembered.expiresAt + shift,
              refreshDueAt: remembered.refreshDueAt + shift,
            },
          ],
          late,
        );
        expect(real).toBe(model.restore([remembered], late));
        return;
      }
      case 'shorten': {
        const { process } = operation;
        const real = await sql.shortenLeases(process, 6000);
        expect(real).toBe(model.shortenLeases(process, 6000));
        return;
      }
      case 'pass': {
        time.passed += operation.seconds * 1000;
        time.now += operation.seconds * 1000;
        await database.query(
          `UPDATE stitch_grants SET obtained_at = obtained_at - $1 * interval '1 second',
             refresh_due_at = refresh_due_at - $1 * interval '1 second',
             lease_expires_at = lease_expires_at - $1 * interval '1 second',
             rotation_started_at = rotation_started_at - $1 * interval '1 second'`,
          [operation.seconds],
        );
        await database.query(
          `UPDATE stitch_provider_fuses SET spent_at = spent_at - $1 * interval '1 second',
             asked_at = asked_at - $1 * interval '1 second',
             cautious_since = cautious_since - $1 * interval '1 second'`,
          [operation.seconds],
        );
        return;
      }
    }
  }

  it('agree on every sequence of claims, commits, failures and releases', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 25 }), async (operations) => {
        const time = { now: Date.now(), passed: 0 };
        const model = new ModelStore({ now: () => time.now });
        await database.query('DELETE FROM stitch_grants');
        await database.query('DELETE FROM stitch_provider_fuses');
        await database.query(
          `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
             refresh_token, scope, obtained_at, expires_at, refresh_due_at)
           SELECT 'model', name, 'default', $2, 'active', 'access', 'refresh', '', now() - interval '100 seconds', now() + interval '900 seconds',
             now() + (5 - 10 * place) * interval '1 second'
           FROM unnest($1::text[]) WITH ORDINALITY AS u(name, place)`,
          [USERS, GRANT_ID],
        );
        for (const grant of await rows()) model.put(grant);
        for (const each of operations) await apply(each, model, time);
        expect((await rows()).map(facts)).toEqual(
          USERS.map((name) => facts(model.load(key(name)))),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('let an answer that is ahead of a row that went back stand against that to the older token', async () => {
    await database.query('DELETE FROM stitch_grants');
    await database.query(
      `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
         refresh_token, scope, obtained_at, expires_at, lease_owner, lease_expires_at, rotation_started_at)
       VALUES ('model', 'a', 'default', $1, 'active', 'access 2', 'refresh 2', '', now(), now(),
         'x/1', now() + interval '1 minute', now())`,
      [GRANT_ID],
    );
    const answer = (version: number, leaseOwner: string) => ({
      ...{ ...key('a'), grantId: GRANT_ID, version, leaseOwner, scopes: null },
      ...{ accessToken: Buffer.from('access'), refreshToken: Buffer.from(`for ${leaseOwner}`) },
      ...{ obtainedAt: Date.now(), expiresAt: Date.now() + 900_000, refreshDueAt: Date.now() },
    });
    const [row] = await rows();
    const model = new ModelStore({ now: () => Date.now() });
    model.put(row!);
    // That of x/1 was committed, and x/2 presented what it brought; then the database went back before both.
    for (const result of [answer(2, 'x/2'), answer(1, 'x/1')]) {
      expect(await sql.commit([result])).toEqual(model.commit([result]));
      const [written] = await rows();
      expect(written).toMatchObject({ version: 3, leaseOwner: null });
      expect(written?.refreshToken?.toString()).toBe('for x/2');
      expect(model.load(key('a'))?.leaseOwner).toBeNull();
    }
  });
});
