import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { ProviderError } from './provider-error.js';
import { ProviderHttp, retryAfter } from './provider-http.js';

/** Milliseconds: the deadline of the calls under test, short enough to be waited for. */
const DEADLINE = 250;

/** A server that does with each connection whatever a test wants, once a request has come. */
class RawServer {
  readonly requests: string[] = [];
  readonly url: Promise<string>;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(answer: (socket: Socket) => void) {
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        this.requests.push(chunk.toString());
        answer(socket);
      });
    }).listen(0, '127.0.0.1');
    this.url = new Promise((resolve) => {
      this.server.once('listening', () => {
        resolve(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}/token`);
      });
    });
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

const http = (status: string, headers: string[] = [], body = ''): string =>
  [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n');

describe('a call to a provider', () => {
  const client = new ProviderHttp(DEADLINE, 4);
  afterAll(() => client.close());

  /** Calls a server that does this. @returns the answer, or the error */
  async function call(answer: (socket: Socket) => void): Promise<Response | ProviderError> {
    const server = new RawServer(answer);
    try {
      return await client.fetch(await server.url, { method: 'POST', body: 'grant_type=x' });
    } catch (error) {
      if (error instanceof ProviderError) return error;
      throw error;
    } finally {
      server.close();
    }
  }

  it('is made on a connection of its own after a 5xx, and on one that is there after an answer', async () => {
    const answers = ['200 OK', '200 OK', '503 Service Unavailable', '200 OK'];
    const used: Socket[] = [];
    const server = new RawServer((socket) => {
      used.push(socket);
      socket.write(http(answers.shift() ?? '200 OK', [], '{}'));
    });
    const own = new ProviderHttp(DEADLINE, 4);
    for (let call = 0; call < 4; call += 1) {
      await own.fetch(await server.url, { method: 'POST', body: 'x=y' }).catch(() => undefined);
    }
    const before = new Set(used.slice(0, 3));
    // One may not be free again in the very turn of its answer.
    expect(before.size).toBeLessThan(3);
    expect(used).toHaveLength(4);
    expect(before).not.toContain(used[3]);
    await own.close();
    server.close();
  });

  it('brings the status, the headers and the body of an answer', async () => {
    const answer = await call((socket) => {
      socket.write(http('400 Bad Request', ['Content-Type: application/json'], '{"error":"x"}'));
    });
    expect(answer).toBeInstanceOf(Response);
    const response = answer as Response;
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ error: 'x' });
  });

  it('takes the answer after interim ones (102, 103), together with them and later', async () => {
    const interim = 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';
    const final = http('200 OK', [], 'spent');

    const together = await call((socket) => socket.write(interim + final));
    const later = await call((socket) => {
      socket.write(interim);
      setImmediate(() => socket.write(final));
    });

    for (const answer of [together, later]) {
      expect(answer).toMatchObject({ status: 200 });
      await expect((answer as Response).text()).resolves.toBe('spent');
    }
  });

  it('follows no redirect: the secret in the body is for nobody else', async () => {
    const elsewhere = new RawServer((socket) => socket.write(http('200 OK')));
    const location = await elsewhere.url;
    const answer = await call((socket) => {
      socket.write(http('307 Temporary Redirect', [`Location: ${location}`]));
    });
    elsewhere.close();
    expect(answer).toMatchObject({ status: 307 });
    expect(elsewhere.requests).toEqual([]);
  });

  it.each([
    ['429 Too Many Requests', [], 'rate_limited', undefined],
    ['429 Too Many Requests', ['Retry-After: 17'], 'rate_limited', 17_000],
    ['500 Internal Server Error', [], 'unavailable', undefined],
    ['503 Service Unavailable', ['Retry-After: 2'], 'unavailable', 2000],
    ['599 Whatever', [], 'unavailable', undefined],
  ])('takes %s with %j as %s', async (status, headers, kind, wait) => {
    const answer = await call((socket) => socket.write(http(status, headers, '<h1>no</h1>')));
    expect(answer).toMatchObject({ kind, reason: `http_${status.slice(0, 3)}`, retryAfter: wait });
  });

  it('was never sent when the connection is refused', async () => {
    const server = new RawServer(() => undefined);
    const url = await server.url;
    server.close();
    await expect(client.fetch(url, { method: 'POST' })).rejects.toMatchObject({
      kind: 'unreachable',
      reason: 'econnrefused',
      leavesDoubt: false,
    });
  });

  it('was never sent when the TLS handshake fails', async () => {
    const server = new RawServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const url = (await server.url).replace('http:', 'https:');
    await expect(client.fetch(url, { method: 'POST', body: 'x' })).rejects.toMatchObject({
      kind: 'unreachable',
      reason: expect.stringMatching(/^err_ssl_/),
      sent: false,
    });
    server.close();
  });

  it('brings the bytes of an answer as they came, with how they are encoded', async () => {
    const body = gzipSync('{"access_token":"a"}');
    const server = new RawServer((socket) => {
      socket.write(http('200 OK', ['Content-Encoding: gzip'], ' '.repeat(body.length)).trimEnd());
      socket.write(Buffer.concat([Buffer.from('\r\n\r\n'), body]));
    });
    expect(await client.send(await server.url, { method: 'POST' })).toEqual({
      status: 200,
      contentType: null,
      contentEncoding: 'gzip',
      body,
    });
    server.close();
  });

  it.each<[string, (socket: Socket) => void]>([
    ['no answer comes in time', () => undefined],
    [
      'the answer stops half-way',
      (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'),
    ],
    ['the headers never end', (socket) => socket.write('HTTP/1.1 200 OK\r\nX: ')],
    ['the connection is cut without an answer', (socket) => socket.destroy()],
    ['the connection is reset', (socket) => socket.resetAndDestroy()],
    [
      'the connection is cut in the answer',
      (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'),
    ],
    ['the answer is no HTTP', (socket) => socket.end('SSH-2.0-OpenSSH_9.0\r\n')],
    ['the answer is huge', (socket) => socket.write(http('200 OK', [], ' '.repeat(4_200_000)))],
  ])('leaves doubt when %s', async (_, answer) => {
    const error = await call(answer);
    expect(error).toMatchObject({ kind: 'interrupted', leavesDoubt: true });
    expect((error as ProviderError).message).toMatch(/^interrupted: [a-z_]+$/);
  });

  it.each<[string, (socket: Socket, answer: string) => void]>([
    ['the connection ends early', (socket, answer) => socket.end(answer)],
    ['nothing more comes', (socket, answer) => socket.write(answer)],
  ])('brings tokens that arrived although the end of their answer is lost: %s', async (_, cut) => {
    const tokens = '{"access_token":"a","refresh_token":"next"}';
    const size = tokens.length.toString(16);
    for (const framing of [
      `Content-Length: 99\r\n\r\n${tokens}`,
      `Transfer-Encoding: chunked\r\n\r\n${size}\r\n${tokens}\r\n`,
    ]) {
      const answer = await call((socket) => {
        cut(socket, `HTTP/1.1 200 OK\r\n${framing}`);
      });
      expect(answer).toMatchObject({ status: 200 });
      await expect((answer as Response).text()).resolves.toBe(tokens);
    }
  });

  it('waits a second, and no longer, for the end of an answer whose tokens have come', async () => {
    const tokens = '{"access_token":"a","refresh_token":"next"}';
    const server = new RawServer((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n${tokens}`);
    });
    const patient = new ProviderHttp(60_000, 1);
    const answer = await patient.send(await server.url, { method: 'POST', body: 'x=y' });
    expect(answer.body.toString()).toBe(tokens);
    await patient.close();
    server.close();
  });

  it('has one deadline for the whole call, however slowly an answer trickles', async () => {
    const before = performance.now();
    const error = await call((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
      const trickle = setInterval(() => socket.write(' '), 20);
      socket.on('close', () => {
        clearInterval(trickle);
      });
    });
    expect(error).toMatchObject({ kind: 'interrupted' });
    expect(performance.now() - before).toBeLessThan(DEADLINE * 8);
  });

  it('is never sent after its time was up while it waited for a connection', async () => {
    const held: Socket[] = [];
    const server = new RawServer((socket) => void held.push(socket));
    const one = new ProviderHttp(DEADLINE, 1);
    const post = async () => one.fetch(await server.url, { method: 'POST', body: 'x=y' });
    const failures = Promise.all(
      [post(), post()].map((called) => called.catch((error: unknown) => error)),
    );
    expect(await failures).toMatchObject([
      { kind: 'interrupted', reason: 'timeouterror' },
      { kind: 'unreachable', reason: 'timeouterror' },
    ]);
    await one.close();
    expect(server.requests).toHaveLength(1);
    server.close();
  });

  it('keeps its connections: many calls in a row need hardly any', async () => {
    const connections = new Set<Socket>();
    const server = new RawServer((socket) => {
      connections.add(socket);
      socket.write(http('200 OK'));
    });
    for (let calls = 0; calls < 20; calls += 1) await client.fetch(await server.url, {});
    server.close();
    // Two, not one: a call that follows at once finds the first connection still being tidied up.
    expect(connections.size).toBeLessThanOrEqual(2);
  });
});

describe('Retry-After', () => {
  const NOW = Date.parse('2026-11-21T12:00:00Z');
  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 5 ', 5000],
    ['Sat, 21 Nov 2026 12:00:30 GMT', 30_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['9'.repeat(30), undefined],
    ['', undefined],
    [undefined, undefined],
  ])('of %j is %j ms', (value, expected) => {
    expect(retryAfter({ 'retry-after': value }, NOW)).toBe(expected);
  });
});
