import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ended } from '../integration/cli-host.js';
import { eventually } from './wait.js';

/** A program of `dist/` as a process of its own. */
export interface Program {
  /** What it has printed so far. */
  readonly stdout: string;
  readonly ended: Promise<Ended>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly pid: number | undefined;
}

/** A vault that listens, as a process of its own. */
export interface VaultProgram extends Program {
  readonly internalUrl: string;
  readonly publicUrl: string;
}

/** What `/health/ready` says. */
export interface Readiness {
  readonly httpStatus: number;
  readonly status: string;
  readonly details: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const children = new Set<ChildProcess>();
const directories: string[] = [];

/**
 * Runs `node dist/…` with exactly the given environment.
 *
 * @param stdout a descriptor in place of the pipe that is read here
 */
export function start(
  file: string,
  args: string[],
  environment: Record<string, string>,
  stdout: 'pipe' | number = 'pipe',
): Program {
  const child = spawn(process.execPath, [`dist/${file}`, ...args], {
    env: environment,
    stdio: ['ignore', stdout, 'pipe'],
  });
  children.add(child);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      children.delete(child);
      resolve({ code, ...output });
    });
  });
  return {
    get stdout() {
      return output.stdout;
    },
    ended,
    kill: (signal) => void child.kill(signal),
    pid: child.pid,
  };
}

/** An operator command as a process of its own. */
export const runCliProcess = (
  args: string[],
  environment: Record<string, string> = {},
): Promise<Ended> => start('cli.js', args, environment).ended;

/** Starts a vault and waits until it listens. */
export async function startVaultProgram(
  environment: Record<string, string>,
): Promise<VaultProgram> {
  const program = start('main.js', [], environment);
  let gone: Ended | undefined;
  void program.ended.then((ended) => (gone = ended));
  const started = await eventually('the vault listens', () => {
    if (gone) throw new Error(`the vault did not start: ${gone.stderr}${gone.stdout}`);
    return eventsOf(program).find(({ event }) => event === 'vault.started');
  });
  return {
    get stdout() {
      return program.stdout;
    },
    ended: program.ended,
    kill: program.kill,
    pid: program.pid,
    internalUrl: String(started.internal),
    publicUrl: String(started.public),
  };
}

/** The log lines a program has written so far. */
export const eventsOf = ({ stdout }: { stdout: string }): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

export async function readiness({ internalUrl }: VaultProgram): Promise<Readiness> {
  const answer = await fetch(`${internalUrl}/health/ready`);
  return { ...((await answer.json()) as Readiness), httpStatus: answer.status };
}

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'stitch-vault-start-'));
  directories.push(directory);
  return directory;
}

/** Ends what a test left running, and removes what it left lying about; for `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const child of children) child.kill('SIGKILL');
  await eventually('all programs have ended', () => children.size === 0);
  for (const directory of directories.splice(0)) {
    rmSync(directory, { recursive: true, force: true });
  }
}
