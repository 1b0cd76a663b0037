import { spawnSync } from 'node:child_process';
import { acceptIf } from './environment-reader.js';
import type { Environment } from './environment-reader.js';

/** Milliseconds after which the command and what it started are killed. */
const KEYRING_COMMAND_TIMEOUT_MS = 10_000;
/** Bytes of a keyring at most: hundreds of keys. */
const LARGEST_KEYRING = 65_536;

/** What {@link parseCommand} expects. */
export const COMMAND = 'a JSON array of strings: the program and its arguments';

/** A program and its arguments. */
export type KeyringCommand = readonly [program: string, ...args: string[]];

/** A JSON array of strings whose first one names a program. @throws when it is something else */
export function parseCommand(text: string): KeyringCommand {
  const value: unknown = JSON.parse(text);
  const strings = Array.isArray(value) && value.every((part) => isArgument(part));
  return acceptIf(value as KeyringCommand, strings && value.length > 0 && value[0] !== '');
}

/** No operating system takes a zero byte in an argument. */
const isArgument = (value: unknown): boolean => typeof value === 'string' && !value.includes('\0');

/** How a command failed, in words that repeat nothing that it said. */
export class KeyringCommandError extends Error {}

/**
 * Runs the command that prints the keyring, without a shell, and waits for it: nothing can begin
 * without its answer. What it writes to stderr is dropped, as it may hold what it was asked for.
 *
 * @returns what it wrote to stdout, white space cut off at both ends
 * @throws KeyringCommandError
 */
export function runKeyringCommand(
  [program, ...args]: KeyringCommand,
  environment: Environment,
  timeoutMs = KEYRING_COMMAND_TIMEOUT_MS,
): string {
  const { error, pid, signal, status, stdout } = spawnSync(program, args, {
    env: { ...environment },
    shell: false,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: LARGEST_KEYRING,
    // A process group of its own: what the command started is killed with it.
    ...{ detached: true },
  });
  if (error || signal !== null) killGroup(pid);
  const problem = problemOf(error, signal, status, timeoutMs);
  if (problem !== undefined) throw new KeyringCommandError(problem);
  return stdout.toString('utf8').trim();
}

function problemOf(
  error: NodeJS.ErrnoException | undefined,
  signal: NodeJS.Signals | null,
  status: number | null,
  timeoutMs: number,
): string | undefined {
  const code = error?.code;
  if (code === 'ETIMEDOUT') return `it was killed after ${String(timeoutMs / 1000)} s`;
  if (code === 'ENOBUFS') return 'it printed more than any keyring has';
  if (error) return 'it cannot be started';
  if (signal !== null) return `it was ended by ${signal}`;
  return status === 0 ? undefined : `it ended with ${String(status)}`;
}

function killGroup(pid: number): void {
  if (pid <= 0) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // There is nobody left in it.
  }
}
