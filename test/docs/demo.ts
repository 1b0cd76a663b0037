import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { answerConsentPage } from '../../sandbox/common/consent-client.js';
import { freePort } from '../support/vault.js';
import { eventually } from '../support/wait.js';

const ROOT = process.cwd();
/** Starting a database, migrating and linking, on a busy machine. */
const START_LIMIT_MS = 100_000;

/** `npm start` in a directory of its own, and a terminal beside it. */
export class Demo {
  readonly directory = mkdtempSync(join(tmpdir(), 'vault-docs-'));
  private readonly children: ChildProcess[] = [];
  private readonly ports = new Map<string, number>();
  /** What it has printed so far. */
  output = '';

  async start(): Promise<void> {
    // As root, PostgreSQL runs as another user, who passes through.
    chmodSync(this.directory, 0o711);
    for (const port of ['3000', '3001', '4100']) this.ports.set(port, await freePort());
    const env = { PORT: this.port('3000'), PUBLIC_PORT: this.port('3001') };
    const child = this.run('sandbox/start.ts', env);
    let ended = false;
    child.once('exit', () => (ended = true));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
    const running = () => {
      if (ended) throw new Error(`npm start ended: ${this.output}`);
      return this.output.includes('The vault is running');
    };
    await eventually('the vault is running', running, START_LIMIT_MS);
    const kept = readFileSync(join(this.directory, '.data', 'ports.json'), 'utf8');
    const chosen = JSON.parse(kept) as Record<string, number>;
    this.ports.set('4001', chosen['stitch-money']!).set('4002', chosen['stitch-connect']!);
  }

  /** The example of examples/README.md. */
  async startExample(): Promise<void> {
    this.run('examples/bank-accounts.ts', {
      PORT: this.port('4100'),
      VAULT_URL: `http://127.0.0.1:${this.port('3000')}`,
      API_URL: `http://127.0.0.1:${this.port('4001')}`,
    });
    const url = `http://127.0.0.1:${this.port('4100')}`;
    await eventually('the example listens', () =>
      fetch(`${url}/nobody`).then(
        () => true,
        () => false,
      ),
    );
  }

  /**
   * Runs a command of the docs, with the ports of this demo in place of the usual ones. Variables
   * that it sets are there for the next one.
   *
   * @returns what it printed
   */
  async command(text: string): Promise<string> {
    const local = text.replaceAll(/127\.0\.0\.1:(\d+)/g, (_, port: string) => {
      return `127.0.0.1:${this.port(port)}`;
    });
    const script = `set -aeuo pipefail\n[ ! -e .vars ] || . ./.vars\n${local}\nexport -p > .vars\n`;
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: this.directory });
    return stdout;
  }

  /** What the user does in the browser. @returns the page where it ends */
  async consent(authorizationUrl: string): Promise<Response> {
    return fetch(
      await answerConsentPage(authorizationUrl, (fields) => {
        fields.set('bank', 'fnb');
        fields.set('decision', 'grant');
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.children.map(async (child) => {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGTERM');
        await gone;
      }),
    );
    rmSync(this.directory, { recursive: true, force: true });
  }

  private run(file: string, env: Record<string, string>): ChildProcess {
    const loader = join(ROOT, 'node_modules', 'tsx', 'dist', 'loader.mjs');
    const child = spawn(process.execPath, ['--import', loader, join(ROOT, file)], {
      cwd: this.directory,
      env: { PATH: process.env.PATH, TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.children.push(child);
    return child;
  }

  private port(usual: string): string {
    const port = this.ports.get(usual);
    if (port === undefined) throw new Error(`the docs name a port that nothing uses: ${usual}`);
    return String(port);
  }
}
