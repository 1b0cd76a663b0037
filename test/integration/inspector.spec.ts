import { spawn } from 'node:child_process';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { programEnvironment } from '../support/program-environment.js';
import { eventually } from '../support/wait.js';
import { cleanUp, eventsOf, readiness, start, startVaultProgram } from './programs.js';

describe('the inspector, which shows the keyring to whoever connects', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterEach(cleanUp);
  afterAll(() => database.drop());

  const environment = () =>
    programEnvironment(database, {
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://link.example.com',
    });

  it('stays shut when SIGUSR1 asks for it, and the vault goes on', async () => {
    // What the signal does to a program that has no listener, to know that this test can fail.
    const open = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000); console.log(1)']);
    let said = '';
    open.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await new Promise((resolve) => open.stdout.once('data', resolve));
    open.kill('SIGUSR1');
    await eventually('the inspector opens', () => said.includes('Debugger listening'));
    open.kill('SIGKILL');
    await new Promise((resolve) => open.once('exit', resolve));

    const vault = await startVaultProgram(environment());
    vault.kill('SIGUSR1');
    await eventually('it is ready', async () => (await readiness(vault)).httpStatus === 200);
    vault.kill('SIGUSR1');
    expect((await readiness(vault)).httpStatus).toBe(200);
    vault.kill('SIGTERM');
    const { code, stderr } = await vault.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(eventsOf(vault).map(({ event }) => event)).toContain('vault.stopped');
  });

  it('stops the start in production when it is open, by one line', async () => {
    const options = { ...environment(), NODE_OPTIONS: '--inspect=127.0.0.1:0' };
    const { code, stderr } = await start('main.js', [], options).ended;
    const lines = stderr.split('\n').filter((line) => line.startsWith('--inspect'));
    expect({ code, lines }).toEqual({
      code: 1,
      lines: ['--inspect: not to be given in production: it opens the memory to anybody'],
    });
  });
});
