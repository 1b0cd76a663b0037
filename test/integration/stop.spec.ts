import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { startStitchMoney } from '../../sandbox/index.js';
import type { StitchMoneySandbox } from '../../sandbox/index.js';
import { GrantsTable } from '../faults/grants-table.js';
import { Ledger } from '../faults/ledger.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { programEnvironment } from '../support/program-environment.js';
import { TEST_KEYRING, createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { cleanUp, eventsOf, startVaultProgram } from './programs.js';

describe('a vault that is stopped', () => {
  let database: TestDatabase;
  let sandbox: StitchMoneySandbox;
  beforeEach(async () => {
    database = await createDatabase();
    sandbox = await startStitchMoney({ redirectUris: [], switches: { latencyMs: 1000 } });
  });
  afterEach(async () => {
    await cleanUp();
    await sandbox.close();
    await database.drop();
  });

  const startVault = (environment: Record<string, string> = {}) =>
    startVaultProgram(
      programEnvironment(database, {
        REFRESH_POLICY: 'on-demand',
        STITCH_MONEY_ISSUER: sandbox.url,
        STITCH_MONEY_CLIENT_ID: sandbox.clientId,
        STITCH_MONEY_CLIENT_SECRET: sandbox.clientSecret,
        ...environment,
      }),
    );
  const ends = (vault: { stdout: string }) => eventsOf(vault).map(({ event }) => event);

  it.each([
    // Twice, as by a Ctrl-C under npm or by `timeout`: that is one signal, and no reason to hurry.
    ['SIGINT', 'SIGTERM'],
    // As a terminal does that is closed, or somebody who hopes for a reload.
    ['SIGHUP'],
  ] as const)(
    'answers what was asked and waits for no connection that is kept: %s',
    async (...signals) => {
      const table = new GrantsTable(database.url, TEST_KEYRING);
      await table.seed(sandbox, new Ledger(), {
        users: ['ann'],
        lifetime: 900,
        age: () => 890,
        due: () => 1000,
      });
      await table.close();
      const key = await createClient(database.url);
      const vault = await startVault();
      const agent = new Agent({ keepAlive: true });
      const answer = new Promise<number | undefined>((resolve, reject) => {
        const headers = { authorization: `Bearer ${key}` };
        get(`${vault.internalUrl}/tokens/ann`, { agent, headers }, (response) => {
          response.resume().on('end', () => {
            resolve(response.statusCode);
          });
        }).on('error', reject);
      });
      await eventually('the provider is asked', () => sandbox.stats.refreshCalls === 1);
      for (const signal of signals) vault.kill(signal);
      expect(await answer).toBe(200);
      expect((await vault.ended).code).toBe(0);
      expect(ends(vault)).toContain('vault.stopped');
      expect(ends(vault)).not.toContain('vault.stop_cut_short');
      agent.destroy();
    },
  );

  it('waits for nobody who asked and does not take the answer', async () => {
    const vault = await startVault({ PROVIDER_TIMEOUT: '60' });
    const { hostname, port } = new URL(vault.internalUrl);
    const scraper = connect(Number(port), hostname).on('error', () => undefined);
    scraper.pause().write('GET /metrics HTTP/1.1\r\nhost: vault\r\n\r\n'.repeat(300));
    // More than any buffer on the way holds is asked for; the vault answers others meanwhile.
    await eventually('it has begun', () => scraper.bytesWritten > 0);
    expect((await fetch(`${vault.internalUrl}/health/live`)).status).toBe(200);
    const asked = performance.now();
    vault.kill('SIGTERM');
    expect((await vault.ended).code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(10_000);
    expect(ends(vault)).not.toContain('vault.stop_cut_short');
    scraper.destroy();
  });

  it('waits for no request that never arrives', async () => {
    const vault = await startVault();
    const { hostname, port } = new URL(vault.publicUrl);
    const slow = connect(Number(port), hostname).on('error', () => undefined);
    await new Promise((resolve) => slow.once('connect', resolve));
    slow.write('GET /callback/stitch-money?state=');
    expect((await fetch(`${vault.publicUrl}/callback/stitch-money`)).status).toBe(400);
    vault.kill('SIGTERM');
    expect((await vault.ended).code).toBe(0);
    expect(ends(vault)).toContain('vault.stopped');
    expect(ends(vault)).not.toContain('vault.stop_cut_short');
    slow.destroy();
  });
});
