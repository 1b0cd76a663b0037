import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Log } from '../../src/common/index.js';
import type { Clock } from '../../src/common/index.js';
import { eventually } from '../support/wait.js';
import { IssuerKeys } from '../../src/clients/jwt/issuer-keys.js';

const SET = { keys: [{ kty: 'EC', crv: 'P-256', kid: 'a', x: 'AA', y: 'AA' }] };
/** What the promise of ten minutes is kept by, with room for one failure. */
const TEN_MINUTES_MS = 600_000;

describe('the keys of an issuer', () => {
  let server: Server;
  let answer: { status: number; body: string };
  let asked: number;
  let changes: number;
  let keys: IssuerKeys;
  /** Milliseconds that were to be slept, and what ends the sleep. */
  let slept: { ms: number; wake: () => void }[];
  beforeEach(async () => {
    asked = 0;
    changes = 0;
    slept = [];
    const clock: Clock = {
      now: () => Date.now(),
      sleep: (ms) => new Promise((resolve) => void slept.push({ ms, wake: resolve })),
      after: () => () => undefined,
    };
    answer = { status: 200, body: JSON.stringify(SET) };
    server = createServer((_request, response) => {
      asked += 1;
      response.writeHead(answer.status, { location: '/elsewhere' }).end(answer.body);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const jwksUri = `http://127.0.0.1:${String(port)}/keys`;
    const config = { issuer: 'https://issuer.example', audience: 'vault', jwksUri };
    keys = new IssuerKeys(
      config,
      () => true,
      clock,
      new Log('silent'),
      () => (changes += 1),
    );
  });
  afterEach(async () => {
    keys.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('are asked for by one request, however many need them', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => keys.first()));
    expect(all.every((each) => each !== undefined)).toBe(true);
    expect(asked).toBe(1);
    expect(changes).toBe(1);
  });

  it.each([
    ['a redirect', 302, ''],
    ['a refusal', 403, '{}'],
    ['no JSON', 200, '<html>'],
    ['no key set', 200, '{"keys":{}}'],
    ['a list', 200, '[]'],
    ['far too much', 200, `{"keys":[],"x":"${'x'.repeat(600_000)}"}`],
  ])('are not taken from %s, and the known ones stay', async (_, status, body) => {
    answer = { status, body };
    expect(await keys.first()).toBeUndefined();
    answer = { status: 200, body: JSON.stringify(SET) };
    const known = await keys.again();
    expect(known).toBeDefined();
    answer = { status, body };
    expect(await keys.first()).toBe(known);
    expect(changes).toBe(1);
  });

  it('are looked at anew for an unknown one at most once in half a minute, also while that fails', async () => {
    await keys.first();
    answer = { status: 500, body: '' };
    for (let n = 0; n < 5; n += 1) await keys.again();
    expect(asked).toBe(2);
  });

  it('are fetched anew well within ten minutes, sooner after a failure, and tell of a change', async () => {
    const run = keys.run();
    const nap = async (n: number) => eventually('it sleeps', () => slept[n]);
    expect((await nap(0)).ms).toBeLessThanOrEqual(TEN_MINUTES_MS / 2);
    answer = { status: 500, body: '' };
    (await nap(0)).wake();
    expect((await nap(1)).ms).toBeLessThanOrEqual(30_000);
    expect(changes).toBe(1);
    answer = { status: 200, body: JSON.stringify({ keys: [] }) };
    (await nap(1)).wake();
    expect((await nap(2)).ms).toBeLessThanOrEqual(TEN_MINUTES_MS / 2);
    expect({ asked, changes }).toEqual({ asked: 3, changes: 2 });
    keys.stop();
    (await nap(2)).wake();
    await run;
  });
});
