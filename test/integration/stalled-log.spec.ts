import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { TEST_KEYRING } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { cleanUp, start, temporaryDirectory } from './programs.js';

/** PROVIDER_TIMEOUT and five seconds: the limit of a stop. */
const STOP_LIMIT_MS = 6000;

describe('a vault whose log cannot be written', () => {
  let database: TestDatabase;
  let stdout: number;
  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(async () => {
    await cleanUp();
    closeSync(stdout);
    await database.drop();
  });

  /** A pipe that holds as much as it can, and that nobody reads. */
  function fullPipe(): number {
    const path = join(temporaryDirectory(), 'pipe');
    execFileSync('mkfifo', [path]);
    const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      for (;;) writeSync(pipe, 'x'.repeat(4096));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
    }
    return pipe;
  }

  it.each([
    ['its reader has stopped', fullPipe],
    ['the disk is full', () => openSync('/dev/full', 'w')],
  ])('starts, answers and ends as always when %s', async (_, open) => {
    stdout = open();
    const [port, publicPort] = [await freePort(), await freePort()];
    const vault = start(
      'main.js',
      [],
      {
        NODE_ENV: 'test',
        PORT: String(port),
        PUBLIC_PORT: String(publicPort),
        DATABASE_URL: database.url,
        VAULT_KEYRING: TEST_KEYRING,
        SPOOL_DIR: join(temporaryDirectory(), 'spool'),
        PROVIDER_TIMEOUT: '1',
        LOG_LEVEL: 'debug',
      },
      stdout,
    );
    const url = `http://127.0.0.1:${String(port)}`;
    await eventually('the vault is ready', () =>
      fetch(`${url}/health/ready`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    // A line each at this level: far more than any pipe holds.
    const path = `/tokens/${'u'.repeat(200)}`;
    for (let i = 0; i < 500; i += 1) expect((await fetch(`${url}${path}`)).status).toBe(401);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain(
      'stitch_vault_log_lines_dropped_total',
    );
    const begun = performance.now();
    vault.kill('SIGTERM');
    expect((await vault.ended).code).toBe(0);
    expect(performance.now() - begun).toBeLessThan(STOP_LIMIT_MS);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
