import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '../index.js';
import { DataDirectory } from './data-directory.js';
import { lock } from './lock.js';
import { choosePort, insistOnPort } from './ports.js';
import { environmentFor, readSettings } from './settings.js';

describe('npm start', () => {
  const before = process.cwd();
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'start-'));
    process.chdir(directory);
  });
  afterEach(() => {
    process.chdir(before);
    rmSync(directory, { recursive: true, force: true });
  });

  const busyPort = async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { port, free: () => new Promise((resolve) => server.close(resolve)) };
  };

  it('keeps every file of .data for its owner alone', () => {
    const data = new DataDirectory();
    data.write('demo-api-key', 'secret');
    expect(data.read('demo-api-key')).toBe('secret');
    expect(statSync(data.file('demo-api-key')).mode & 0o777).toBe(0o600);
    // No one else may list it; as root, PostgreSQL's user passes through.
    expect(statSync(data.path).mode & 0o066).toBe(0);
  });

  it('says in a sentence that .data, or a file in it, is no good', () => {
    const data = new DataDirectory();
    writeFileSync(data.file('sandbox.json'), '{"cut off');
    expect(() => data.readJson('sandbox.json')).toThrow('.data/sandbox.json is damaged');
    rmSync('.data', { recursive: true });
    writeFileSync('.data', '');
    expect(() => new DataDirectory()).toThrow('.data can’t be used as a directory');
  });

  it('remembers ports, and takes another when one is in use', async () => {
    const data = new DataDirectory();
    expect(data.rememberedPort('postgres', 0)).toBe(0);
    data.rememberPort('postgres', 40_000);
    expect(new DataDirectory().rememberedPort('postgres', 0)).toBe(40_000);
    const { port, free } = await busyPort();
    expect(await choosePort(port)).not.toBe(port);
    await free();
    expect(await choosePort(port)).toBe(port);
  });

  it('insists on the ports of the vault, naming the variable', async () => {
    const { port, free } = await busyPort();
    await expect(insistOnPort('PUBLIC_PORT', port, '127.0.0.1')).rejects.toThrow(
      `Port ${port} is in use: stop what uses it, or set PUBLIC_PORT to another port.`,
    );
    await free();
    await expect(insistOnPort('PUBLIC_PORT', port, '127.0.0.1')).resolves.toBeUndefined();
  });

  it('lets one launcher use a .data, and another after a crash of the first', async () => {
    const release = await lock('start.sock');
    await expect(lock('start.sock')).rejects.toThrow('Another `npm start` is running here');
    release();
    writeFileSync('start.sock', 'left behind');
    (await lock('start.sock'))();
  });

  it('names the variable that is wrong', () => {
    expect(() => readSettings({ PORT: 'abc' })).toThrow('PORT is a whole number');
    expect(readSettings({}).publicUrl).toBe('http://127.0.0.1:3001');
    expect(readSettings({ HOST: '0.0.0.0', PORT: '3100' }).apiUrl).toBe('http://127.0.0.1:3100');
  });

  it('never points the vault at a real provider, nor at production', async () => {
    const sandbox = await startSandbox();
    try {
      const given = {
        NODE_ENV: 'production',
        STITCH_MONEY_TOKEN_ENDPOINT: 'https://secure.stitch.money/connect/token',
        STITCH_MONEY_CLIENT_SECRET_FILE: '/run/secrets/real',
        MIN_TTL: '5',
      };
      const surroundings = { databaseUrl: 'postgres://x', providers: '.data/p.json', sandbox };
      const env = environmentFor(given, readSettings(given), surroundings);
      expect(env).toMatchObject({
        NODE_ENV: 'development',
        DATABASE_URL: 'postgres://x',
        STITCH_MONEY_ISSUER: sandbox.stitchMoney.url,
        STITCH_CONNECT_API_URL: sandbox.stitchConnect.url,
        MIN_TTL: '5',
        RETURN_URL_ALLOWLIST: sandbox.stitchMoney.url,
        OAUTH_PROVIDERS_FILE: '.data/p.json',
      });
      const chosen = {
        RETURN_URL_ALLOWLIST: 'http://127.0.0.1:8080',
        OAUTH_PROVIDERS_FILE: 'own.json',
      };
      expect(environmentFor(chosen, readSettings({}), surroundings)).toMatchObject(chosen);
      expect(env).not.toHaveProperty('STITCH_MONEY_TOKEN_ENDPOINT');
      expect(env).not.toHaveProperty('STITCH_MONEY_CLIENT_SECRET_FILE');
    } finally {
      await sandbox.close();
    }
  });
});
