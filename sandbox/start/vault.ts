import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Complaint } from './complaint.js';

const DIST = join(import.meta.dirname, '..', '..', 'dist');

/** The part of a log line that is shown. */
interface LogLine {
  readonly event?: string;
  readonly provider?: string;
  readonly user_id?: string;
  readonly connection?: string;
  readonly version?: number | string;
  readonly expires_in?: number | null;
}

/** Runs an operator command and returns its standard output. @throws Complaint with its words */
export function runCommand(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [join(DIST, 'cli.js'), ...args], { env }, (error, out, err) => {
      if (!error) resolve(out);
      else reject(new Complaint(`\`vault ${args.join(' ')}\` failed: ${err.trim() || out.trim()}`));
    });
  });
}

/** `node dist/main.js`, with its output in a file and its rotations on the screen. */
export class Vault {
  private readonly child: ChildProcess;
  private readonly lastWords: string[] = [];
  /** Settles when the process has ended, with how. */
  readonly ended: Promise<string>;

  constructor(env: NodeJS.ProcessEnv, logFile: string) {
    const log = createWriteStream(logFile, { mode: 0o600 });
    // Its own process group: Ctrl-C comes to the launcher alone, which ends things in their order.
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    const child = spawn(process.execPath, [join(DIST, 'main.js')], { env, detached: true, stdio });
    this.child = child;
    child.stdout.pipe(log, { end: false });
    createInterface({ input: child.stdout }).on('line', showRotation);
    child.stderr.pipe(log, { end: false });
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.lastWords.push(line);
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        log.end();
        resolve(signal ?? `exit code ${code ?? '?'}`);
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** The end of what it wrote to standard error. */
  get complaint(): string {
    return this.lastWords.slice(-10).join('\n');
  }

  /** @throws Complaint when it ends, or is not ready within a minute */
  async untilReady(apiUrl: string): Promise<void> {
    let ended: string | undefined;
    void this.ended.then((how) => (ended = how));
    const deadline = performance.now() + 60_000;
    while (performance.now() < deadline) {
      if (ended !== undefined) {
        throw new Complaint(`The vault did not start (${ended}).\n${this.complaint}`.trim());
      }
      const answer = await fetch(`${apiUrl}/health/ready`).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.status === 200) return;
      await sleep(100);
    }
    throw new Complaint('The vault was not ready within a minute: see .data/vault.log.');
  }

  /** SIGTERM, and SIGKILL when it takes longer than it may. */
  async stop(milliseconds: number): Promise<void> {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), milliseconds);
    await this.ended;
    clearTimeout(timer);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

function showRotation(text: string): void {
  if (!text.includes('grant.rotated')) return;
  let line: LogLine;
  try {
    line = JSON.parse(text) as LogLine;
  } catch {
    return;
  }
  if (line.event !== 'grant.rotated') return;
  const { user_id = '?', provider = '?', connection = '?', version = '?', expires_in } = line;
  const time = new Date().toLocaleTimeString('en-GB');
  const life = typeof expires_in === 'number' ? `, good for ${expires_in} s` : '';
  console.log(`${time}  rotated ${user_id} (${provider}/${connection}) to v${version}${life}`);
}
