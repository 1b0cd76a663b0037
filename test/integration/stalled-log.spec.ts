import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { startStitchMoney } from '../../sandbox/index.js';
import type { StitchMoneySandbox } from '../../sandbox/index.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { TEST_KEYRING, createClient, freePort } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { cleanUp, start, temporaryDirectory } from './programs.js';

/** PROVIDER_TIMEOUT and five seconds: the limit of a stop. */
const STOP_LIMIT_MS = 10_000;
/** Less than PROVIDER_TIMEOUT: nothing waits for somebody who only listens. */
const PROMPT_MS = 4000;

describe('a vault to which nobody listens', () => {
  let database: TestDatabase;
  let sandbox: StitchMoneySandbox;
  let deaf: Server;
  let stdout: number;
  const sockets = new Set<Socket>();
  beforeEach(async () => {
    database = await createDatabase();
    // Takes every connection, and neither reads from it nor answers.
    deaf = createServer({ pauseOnConnect: true }, (socket) => keep(socket)).listen(0, '127.0.0.1');
    await eventually('it listens', () => deaf.listening);
  });
  afterEach(async () => {
    await cleanUp();
    closeSync(stdout);
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    await new Promise((resolve) => deaf.close(resolve));
    await sandbox.close();
    await database.drop();
  });

  function keep(socket: Socket): Socket {
    sockets.add(socket);
    return socket.on('error', () => undefined);
  }

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

  /** Asks for more metrics than any buffer on the way holds, and reads none of them. */
  function stalledScraper(port: number): void {
    const socket = keep(connect(port, '127.0.0.1')).pause();
    socket.write('GET /metrics HTTP/1.1\r\nhost: vault\r\n\r\n'.repeat(60));
  }

  it.each([
    ['the reader of its log has stopped', fullPipe],
    ['the disk of its log is full', () => openSync('/dev/full', 'w')],
  ])('starts, links, reads, rotates and ends as always when %s', async (_, open) => {
    stdout = open();
    const [port, publicPort] = [await freePort(), await freePort()];
    const publicUrl = `http://127.0.0.1:${String(publicPort)}`;
    sandbox = await startStitchMoney({ redirectUris: [`${publicUrl}/callback/stitch-money`] });
    const away = `http://127.0.0.1:${String((deaf.address() as AddressInfo).port)}`;
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
        STITCH_MONEY_ISSUER: sandbox.url,
        STITCH_MONEY_CLIENT_ID: sandbox.clientId,
        STITCH_MONEY_CLIENT_SECRET: sandbox.clientSecret,
        PROVIDER_TIMEOUT: '5',
        LOG_LEVEL: 'debug',
        WEBHOOK_URL: away,
        WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: away,
        OTEL_EXPORTER_OTLP_TIMEOUT: '500',
        OTEL_BSP_SCHEDULE_DELAY: '500',
        OTEL_BSP_MAX_QUEUE_SIZE: '64',
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '32',
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
    stalledScraper(port);
    const key = await createClient(database.url);
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const ask = async (path: string, body?: object) => {
      const init = body ? { method: 'POST', body: JSON.stringify(body) } : {};
      const answer = await fetch(`${url}${path}`, { headers, ...init });
      return (await answer.json()) as Record<string, unknown>;
    };
    const begun = await eventually('the client is known', async () => {
      const answer = await ask('/authorization-requests', { user_id: 'ann' });
      return typeof answer.authorization_url === 'string' && answer.authorization_url;
    });
    expect((await fetch(await sandbox.consent(begun))).status).toBe(200);
    // A line each at this level: far more than any pipe holds.
    let slowest = 0;
    for (let read = 0; read < 300; read += 1) {
      const asked = performance.now();
      expect(await ask('/tokens/ann')).toMatchObject({ version: 1 });
      slowest = Math.max(slowest, performance.now() - asked);
    }
    expect(slowest).toBeLessThan(PROMPT_MS);
    expect(await ask('/tokens/ann/rejections', { version: 1 })).toMatchObject({ version: 2 });
    const metrics = await eventually('what was dropped is counted', async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return /^stitch_vault_spans_dropped_total [1-9]/m.test(text) && text;
    });
    expect(metrics).toContain('stitch_vault_log_lines_dropped_total');
    const stopping = performance.now();
    vault.kill('SIGTERM');
    expect((await vault.ended).code).toBe(0);
    expect(performance.now() - stopping).toBeLessThan(STOP_LIMIT_MS);
  });
});
