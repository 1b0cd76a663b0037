import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TEST_KEYRING } from '../support/vault.js';
import { copyBuild } from './build.js';
import { PostgresServer } from './postgres-server.js';
import type { ServerAddress } from './server-address.js';

/** Where the logs of the replicas are left. */
const LOGS = join('.artifacts', 'faults');

/** What all scenarios of a run share: a build, a PostgreSQL server and a migrated template in it. */
export class Site<Server extends ServerAddress = PostgresServer> {
  private constructor(
    readonly directory: string,
    readonly dist: string,
    readonly postgres: Server,
    /** An API key with every scope, known in every database of this site. */
    readonly key: string,
    private readonly end: () => Promise<void>,
    /** The name of the migrated database that others are copied from. */
    private readonly template: string,
  ) {}

  static async open(): Promise<Site> {
    const directory = mkdtempSync(join(tmpdir(), 'stitch-vault-faults-'));
    // PostgreSQL may have to run as another user, who must get through to its files.
    chmodSync(directory, 0o755);
    const dist = copyBuild(directory);
    const postgres = await PostgresServer.create(directory);
    return Site.on(directory, dist, postgres, async () => {
      postgres.thaw();
      await postgres.stop();
      rmSync(directory, { recursive: true, force: true });
    });
  }

  /** The same site on another server, which its starter ends. */
  on<Other extends ServerAddress>(postgres: Other): Promise<Site<Other>> {
    return Site.on(this.directory, this.dist, postgres, () => Promise.resolve());
  }

  /** The same site with another version's build, whose databases are as that version made them. */
  earlier(dist: string): Promise<Site<Server>> {
    const end = () => Promise.resolve();
    return Site.on(this.directory, dist, this.postgres, end, 'template_earlier');
  }

  private static async on<Server extends ServerAddress>(
    directory: string,
    dist: string,
    postgres: Server,
    end: () => Promise<void>,
    template = 'template_vault',
  ): Promise<Site<Server>> {
    await postgres.run(`CREATE DATABASE ${template}`);
    const cli = (...args: string[]) => runCli(dist, postgres.url(template), args);
    await cli('migrate');
    const created = await cli('clients', 'create', 'faults', '--scope', 'admin', '--json');
    const { key } = JSON.parse(created) as { key: string };
    return new Site(directory, dist, postgres, key, end, template);
  }

  /** The keyring of every vault of this site. */
  get keyring(): string {
    return TEST_KEYRING;
  }

  /** An operator's command on a database. @returns what it printed */
  cli(database: string, ...args: string[]): Promise<string> {
    return runCli(this.dist, this.postgres.url(database), args);
  }

  /** A database of its own for one scenario. @returns its name */
  async createDatabase(): Promise<string> {
    const name = `faults_${randomBytes(4).toString('hex')}`;
    await this.postgres.run(`CREATE DATABASE ${name} TEMPLATE ${this.template}`);
    return name;
  }

  /** An empty directory for the logs of a scenario. */
  logsOf(scenario: string): string {
    const directory = join(LOGS, scenario);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  close(): Promise<void> {
    return this.end();
  }
}

async function runCli(dist: string, url: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, DATABASE_URL: url, VAULT_KEYRING: TEST_KEYRING };
  // Not synchronously: the provider of a scenario answers from this process.
  const ran = await promisify(execFile)(process.execPath, [join(dist, 'cli.js'), ...args], { env });
  return ran.stdout;
}
