import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, loadConfig, loadSealingConfig } from './index.js';
import type { Environment } from './index.js';
import { runKeyringCommand } from './keyring-command.js';

const KEY = Buffer.alloc(32, 5);
const KEYRING = `main:${KEY.toString('base64')}`;
const SECRET = 'what the command said';
const BASE = { DATABASE_URL: 'postgres://vault:pw@127.0.0.1:5432/vault' };

/** A command that runs a script of Node's. */
const node = (script: string, ...args: string[]) => [process.execPath, '-e', script, ...args];
const environment = (command: unknown, more: Environment = {}): Environment => ({
  ...BASE,
  VAULT_KEYRING_COMMAND: typeof command === 'string' ? command : JSON.stringify(command),
  ...more,
});

function problemsOf(given: Environment, load: (given: Environment) => unknown = loadConfig) {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  return '';
}

describe('VAULT_KEYRING_COMMAND', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'stitch-vault-command-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it.each([
    ['the vault', (given: Environment) => loadConfig(given).encryption.keyring],
    ['operator commands', (given: Environment) => loadSealingConfig(given).keyring],
  ] as const)('is where the keyring comes from, for %s', (_, load) => {
    const command = node(`console.log(process.argv[1])`, `${KEYRING}\n`);
    expect(load(environment(command))).toEqual([{ id: 'main', key: KEY }]);
  });

  it('gets the environment of the process and its arguments as they are, without a shell', () => {
    const script = 'console.log(process.env.KEY_NAME + ":" + process.argv[1].slice(-44))';
    const odd = `$(touch ${directory}/run) && ${KEY.toString('base64')}`;
    const config = loadConfig(environment(node(script, odd), { KEY_NAME: 'k1' }));
    expect(config.encryption.keyring).toEqual([{ id: 'k1', key: KEY }]);
    expect(existsSync(join(directory, 'run'))).toBe(false);
  });

  it('beside VAULT_KEYRING is an error, and is not run', () => {
    const command = node(
      `require('fs').writeFileSync(process.argv[1], '')`,
      join(directory, 'ran'),
    );
    expect(problemsOf(environment(command, { VAULT_KEYRING: KEYRING }))).toBe(
      'VAULT_KEYRING_COMMAND: either VAULT_KEYRING or VAULT_KEYRING_COMMAND, not both',
    );
    expect(existsSync(join(directory, 'ran'))).toBe(false);
  });

  it.each([
    ['no JSON', 'vault kv get'],
    ['a string', '"vault"'],
    ['an empty array', []],
    ['an empty program', ['']],
    ['a number among the arguments', ['vault', 1]],
    ['a zero byte', ['vault', 'a\0b']],
  ])('is refused as %s', (_, command) => {
    expect(problemsOf(environment(command))).toBe(
      'VAULT_KEYRING_COMMAND: a JSON array of strings: the program and its arguments',
    );
  });

  it.each([
    [
      'another exit code',
      node(`console.log(process.argv[1]); process.exit(3)`, KEYRING),
      /it ended with 3$/,
    ],
    [
      'a signal',
      node('process.kill(process.pid, "SIGTERM"); setTimeout(() => 0, 9999)'),
      /SIGTERM$/,
    ],
    ['no such program', [`/nowhere/${SECRET}`], /it cannot be started$/],
    ['what is no keyring', node('console.log(process.argv[1])', SECRET), /what it prints is none$/],
    ['nothing', node(''), /what it prints is none$/],
    ['too much', node('process.stdout.write("x".repeat(1e6))'), /more than any keyring has$/],
    [
      'zeros in production',
      node('console.log(process.argv[1])', `z:${Buffer.alloc(32).toString('base64')}`),
      /all zeros$/,
    ],
  ])('stops the start with one line that repeats nothing for %s', (what, command, expected) => {
    const production = { NODE_ENV: 'production', PUBLIC_URL: 'https://link.example.com' };
    const message = problemsOf(environment(command, what.endsWith('production') ? production : {}));
    expect(message).toMatch(/^VAULT_KEYRING_COMMAND: .*$/);
    expect(message).toMatch(expected);
    for (const part of [SECRET, KEYRING, KEY.toString('base64')])
      expect(message).not.toContain(part);
  });

  it('is killed with what it started when the time is up', async () => {
    const file = join(directory, 'pids');
    const script = `
      const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'],
        { stdio: 'inherit' });
      require('fs').writeFileSync(process.argv[1], process.pid + ' ' + child.pid);
      setInterval(() => 0, 1000)`;
    const [program = '', ...args] = node(script, file);
    expect(() => runKeyringCommand([program, ...args], {}, 1000)).toThrow('killed after 1 s');
    for (const pid of readFileSync(file, 'utf8').split(' ').map(Number)) {
      await expect(gone(pid)).resolves.toBe(true);
    }
  });
});

/** Whether a process ends within a few turns: its end is reported a moment after the signal. */
async function gone(pid: number): Promise<boolean> {
  for (let turn = 0; turn < 200; turn += 1) {
    if (!isRunning(pid)) return true;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return false;
}

function isRunning(pid: number): boolean {
  try {
    // A process that has ended and that nobody has waited for is a zombie.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
  } catch {
    return false;
  }
}
