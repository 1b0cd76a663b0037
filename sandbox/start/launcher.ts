import { randomBytes } from 'node:crypto';
import type { Sandbox } from '../index.js';
import { writeProviders } from './configured-provider.js';
import { DataDirectory, runsAsRoot } from './data-directory.js';
import { linkDemoUser } from './demo.js';
import { Keeper } from './keeper-client.js';
import { lock } from './lock.js';
import { choosePort, insistOnPort } from './ports.js';
import { placeOf } from './postgres-place.js';
import { startKeptSandbox } from './sandbox-state.js';
import { environmentFor, readSettings } from './settings.js';
import { summaryOf } from './summary.js';
import { urlOf } from './postgres-url.js';
import { Vault, runCommand } from './vault.js';

/** PROVIDER_TIMEOUT + 5 s is what the vault may take to end; this is a little more. */
const VAULT_PATIENCE_MS = 20_000;

/** Everything `npm start` runs, in the order it is started and, backwards, stopped. */
export class Launcher {
  private keeper: Keeper | undefined;
  private sandbox: Sandbox | undefined;
  private vault: Vault | undefined;
  private stopping = false;

  /**
   * Starts everything, prints the summary, and returns.
   *
   * @param onLost called once when the vault or the database ends by itself, with a sentence
   * @throws Complaint when something a person can put right is in the way
   */
  async start(onLost: (why: string) => void): Promise<void> {
    const settings = readSettings(process.env);
    const data = new DataDirectory();
    await lock(data.file('start.sock'));
    await insistOnPort('PORT', settings.port, settings.host);
    await insistOnPort('PUBLIC_PORT', settings.publicPort, settings.publicHost);

    const keeper = new Keeper();
    this.keeper = keeper;
    const databaseUrl = settings.databaseGiven ? undefined : await startDatabase(keeper, data);
    const sandbox = await startKeptSandbox(data, settings.publicUrl, settings.tokenLifetime);
    this.sandbox = sandbox;
    const providers = writeProviders(data, sandbox.stitchMoney);
    const env = environmentFor(process.env, settings, { databaseUrl, providers, sandbox });
    await runCommand(env, 'migrate');
    this.check();

    const vault = new Vault(env, data.file('vault.log'));
    this.vault = vault;
    keeper.guard(vault.pid);
    await vault.untilReady(settings.apiUrl);
    const caller = await linkDemoUser(data, env, settings.apiUrl, sandbox);
    const link = await caller.authorizationUrl('you');
    this.check();

    const { databaseGiven } = settings;
    console.log(summaryOf({ settings, sandbox, key: caller.key, link, databaseGiven }));
    void vault.ended.then((how) => {
      if (!this.stopping) onLost(`The vault ended (${how}).\n${vault.complaint}`.trim());
    });
    keeper.onLost(() => {
      if (!this.stopping) onLost('The database ended.');
    });
  }

  /** Stops the vault first, so that it can commit the answers that it has; then the rest. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.vault?.stop(VAULT_PATIENCE_MS);
    await this.sandbox?.close();
    await this.keeper?.stop();
  }

  /** Ends the vault at once. The keeper sees the launcher go, and ends the database by itself. */
  kill(): void {
    this.vault?.kill();
  }

  /** @throws Interrupted when a stop came while starting */
  private check(): void {
    if (this.stopping) throw new Interrupted();
  }
}

/** The start was given up because of a Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

async function startDatabase(keeper: Keeper, data: DataDirectory): Promise<string> {
  const port = await choosePort(data.rememberedPort('postgres', 0));
  data.rememberPort('postgres', port);
  let password = data.read('postgres-password');
  if (password === undefined) {
    password = randomBytes(24).toString('base64url');
    data.write('postgres-password', password);
  }
  const directory = placeOf(data);
  const cluster = { directory, port, password, asPostgresUser: runsAsRoot };
  await keeper.startPostgres(cluster);
  data.write('database-url', urlOf(cluster));
  return urlOf(cluster);
}
