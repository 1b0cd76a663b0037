import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase } from '../support/database.js';
import { cleanUp, runCli, startVaultProgram, temporaryDirectory } from './programs.js';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const installed =
  existsSync(MODULE) &&
  ['softhsm2-util', 'pkcs11-tool', 'openssl'].every(
    (program) => spawnSync('which', [program]).status === 0,
  );

describe('a keyring whose root key is in an HSM', () => {
  const KEYRING = `hsm-2026:${Buffer.alloc(32, 9).toString('base64')}`;
  const PIN = '4321';
  let environment: Record<string, string>;
  let command: string[];

  beforeAll(() => {
    if (installed) return;
    // CI installs them and insists on them.
    process.stderr.write('keyring-hsm.spec.ts: NOT RUN, softhsm2 and opensc are not installed\n');
    expect(process.env.REQUIRE_PROGRAMS).toBeUndefined();
  });

  beforeEach(() => {
    if (!installed) return;
    const directory = temporaryDirectory();
    const config = join(directory, 'softhsm2.conf');
    mkdirSync(join(directory, 'tokens'));
    writeFileSync(config, `directories.tokendir = ${join(directory, 'tokens')}\n`);
    environment = { PATH: process.env.PATH ?? '', SOFTHSM2_CONF: config, VAULT_PIN: PIN };
    const run = (program: string, ...args: string[]) =>
      execFileSync(program, args, { env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
    const file = (name: string) => join(directory, name);
    run(
      'softhsm2-util',
      '--init-token',
      '--free',
      '--label',
      'vault',
      '--so-pin',
      '9876',
      '--pin',
      PIN,
    );
    // As docs/keys.md says it.
    const hsm = ['--module', MODULE, '--token-label', 'vault'];
    const login = ['--login', '--pin', 'env:VAULT_PIN'];
    run('pkcs11-tool', ...hsm, ...login, '--keypairgen', '--key-type', 'rsa:3072', '--id', '01');
    const read = ['--read-object', '--type', 'pubkey', '--id', '01'];
    run('pkcs11-tool', ...hsm, ...read, '--output-file', file('pub.der'));
    writeFileSync(file('keyring'), KEYRING);
    run(
      'openssl',
      ...['pkeyutl', '-encrypt', '-pubin', '-keyform', 'DER', '-inkey', file('pub.der')],
      ...['-in', file('keyring'), '-out', file('keyring.enc')],
      ...['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha1'],
    );
    expect(readFileSync(file('keyring.enc')).includes('hsm-2026')).toBe(false);
    command = [
      'pkcs11-tool',
      ...hsm,
      ...login,
      '--decrypt',
      '--id',
      '01',
      ...['--mechanism', 'RSA-PKCS-OAEP', '--hash-algorithm', 'SHA-1', '--mgf', 'MGF1-SHA1'],
      ...['--input-file', file('keyring.enc')],
    ];
  });
  afterEach(cleanUp);

  it('starts a vault and opens its values for the commands', async () => {
    if (!installed) return;
    const database = await createDatabase();
    const vault = {
      ...environment,
      NODE_ENV: 'test',
      PORT: '0',
      PUBLIC_PORT: '0',
      DATABASE_URL: database.url,
      SPOOL_DIR: join(temporaryDirectory(), 'spool'),
      VAULT_KEYRING_COMMAND: JSON.stringify(command),
    };
    const running = await startVaultProgram(vault);
    const { code, stdout } = await runCli(['keys', 'status', '--json'], vault);
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({
      code: 0,
      primary: 'hsm-2026',
    });
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    await database.drop();
  });

  it('says in one line that the HSM refuses, without a word of it', async () => {
    if (!installed) return;
    const { code, stdout, stderr } = await runCli(['keys', 'status'], {
      ...environment,
      VAULT_PIN: '0000',
      DATABASE_URL: 'postgres://vault:pw@127.0.0.1:1/vault',
      VAULT_KEYRING_COMMAND: JSON.stringify(command),
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^VAULT_KEYRING_COMMAND: a command that prints .*; it ended with 1\n$/);
  });
});
