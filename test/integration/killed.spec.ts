import { join } from 'node:path';
import { startStitchMoney } from '../../sandbox/index.js';
import type { StitchMoneySandbox } from '../../sandbox/index.js';
import { GrantsTable } from '../faults/grants-table.js';
import { Ledger } from '../faults/ledger.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { programEnvironment } from '../support/program-environment.js';
import { TEST_KEYRING } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { cleanUp, eventsOf, startVaultProgram, temporaryDirectory } from './programs.js';

/** Seconds: the lease of a killed process would last longer than any of these tests may. */
const PROVIDER_TIMEOUT = 60;
/** Milliseconds. */
const SOON = 20_000;

describe('a vault killed while the provider has its refresh token', () => {
  let database: TestDatabase;
  let sandbox: StitchMoneySandbox;
  let table: GrantsTable;
  beforeEach(async () => {
    database = await createDatabase();
    sandbox = await startStitchMoney({ redirectUris: [], switches: { tokenFault: 'hang' } });
    table = new GrantsTable(database.url, TEST_KEYRING);
    await table.seed(sandbox, new Ledger(), {
      users: ['ann'],
      lifetime: 900,
      age: () => 800,
      due: () => -1,
    });
  });
  afterEach(async () => {
    await cleanUp();
    await table.close();
    await sandbox.close();
    await database.drop();
  });

  const environment = (spool: string) =>
    programEnvironment(database, {
      SPOOL_DIR: spool,
      PROVIDER_TIMEOUT: String(PROVIDER_TIMEOUT),
      REFRESH_INTERVAL: '1',
      STITCH_MONEY_ISSUER: sandbox.url,
      STITCH_MONEY_CLIENT_ID: sandbox.clientId,
      STITCH_MONEY_CLIENT_SECRET: sandbox.clientSecret,
    });
  const presented = () =>
    eventually('the token is presented', () => sandbox.stats.refreshCalls === 1);
  const refreshed = (limit?: number) =>
    eventually(
      'the grant is refreshed',
      async () =>
        (
          await database.query<{ done: boolean }>(
            'SELECT version = 2 AND lease_owner IS NULL AS done FROM stitch_grants',
          )
        )[0]?.done,
      limit,
    );

  it('ends in time by SIGTERM while an answer comes later than readers wait, and is followed', async () => {
    const settings = { PROVIDER_TIMEOUT: '1', ANSWER_TIMEOUT: '60' };
    const spool = join(temporaryDirectory(), 'spool');
    const stopped = await startVaultProgram({ ...environment(spool), ...settings });
    await presented();
    const signalled = performance.now();
    stopped.kill('SIGTERM');
    expect((await stopped.ended).code).toBe(0);
    expect(performance.now() - signalled).toBeLessThan(6000);
    const [row] = await database.query(
      'SELECT status, version, rotation_started_at FROM stitch_grants',
    );
    expect(row).toMatchObject({ status: 'active', version: '1' });
    expect(row).not.toMatchObject({ rotation_started_at: null });
    sandbox.switches.tokenFault = 'none';
    await startVaultProgram({ ...environment(spool), ...settings });
    await refreshed(SOON);
    expect(sandbox.stats).toMatchObject({ refreshCalls: 2, reuseEvents: 0 });
  });

  // Elsewhere nobody is told who lives, and leases are waited for, as in the last of these.
  if (process.platform === 'linux') {
    it('is followed at once by the next process of its spool directory', async () => {
      const spool = join(temporaryDirectory(), 'spool');
      const killed = await startVaultProgram(environment(spool));
      await presented();
      killed.kill('SIGKILL');
      await killed.ended;
      sandbox.switches.tokenFault = 'none';
      const next = await startVaultProgram(environment(spool));
      await refreshed(SOON);
      expect(eventsOf(next).filter(({ event }) => event === 'process.found_dead')).toHaveLength(1);
      expect(sandbox.stats).toMatchObject({ refreshCalls: 2, reuseEvents: 0 });
    });

    it('is followed soon by a replica that shares its spool directory', async () => {
      const spool = join(temporaryDirectory(), 'spool');
      const killed = await startVaultProgram(environment(spool));
      await presented();
      await startVaultProgram(environment(spool));
      killed.kill('SIGKILL');
      await killed.ended;
      sandbox.switches.tokenFault = 'none';
      await refreshed(SOON);
      expect(sandbox.stats).toMatchObject({ refreshCalls: 2, reuseEvents: 0 });
    });
  }

  it('is left alone by a replica that does not know of its death', async () => {
    const [one, other] = [temporaryDirectory(), temporaryDirectory()];
    const killed = await startVaultProgram(environment(one));
    await presented();
    killed.kill('SIGKILL');
    await killed.ended;
    sandbox.switches.tokenFault = 'none';
    await startVaultProgram(environment(other));
    // A second grant shows that it has looked since.
    await table.seed(sandbox, new Ledger(), {
      users: ['bob'],
      lifetime: 900,
      age: () => 800,
      due: () => -1,
    });
    await eventually('the other grant is refreshed', () => sandbox.stats.rotations === 1);
    expect(sandbox.stats.refreshCalls).toBe(2);
    const [row] = await database.query<{ version: string }>(
      `SELECT version FROM stitch_grants WHERE user_id = 'ann' AND lease_owner IS NOT NULL`,
    );
    expect(row?.version).toBe('1');
  });
});
