import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import fc from 'fast-check';
import { eventually } from '../support/wait.js';
import { expectProblem } from './refusals.js';
import { useTarget } from './target.js';
import { sendBytes } from './wire.js';

const CHUNKED =
  'POST /authorization-requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
  'Transfer-Encoding: chunked\r\n\r\n';

const NOT_HTTP: readonly [what: string, bytes: string | Buffer][] = [
  ['random bytes', randomBytes(2048)],
  ['a TLS hello', Buffer.from('16030100b8010000b40303', 'hex')],
  ['another protocol', 'SSH-2.0-OpenSSH_9.0\r\n\r\n'],
  ['an unknown method', 'GUESS / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a version that does not exist', 'GET / HTTP/7.3\r\nHost: x\r\n\r\n'],
  ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n'],
  ['a header without a colon', 'GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n'],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  [
    'a length and chunks',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a negative length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
  ['a bad chunk size', CHUNKED + 'zz\r\n\r\n'],
  ['a space in the target', 'GET /tokens/a b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b: c\r\n\r\n'],
];

describe('hostile bytes on both listeners', () => {
  const target = useTarget();

  it.each(NOT_HTTP)('refuses %s', async (_, bytes) => {
    for (const base of [target.world.vault.internalUrl, target.world.vault.publicUrl]) {
      expectProblem(await sendBytes(base, bytes), 400);
    }
  });

  it.each([
    ['no host', 'GET /tokens/ann HTTP/1.1\r\n\r\n', 400],
    [
      'an expectation nobody knows',
      'GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n\r\n',
      417,
    ],
  ])('refuses %s, as Node does by itself: without a word', async (_, bytes, status) => {
    for (const base of [target.world.vault.internalUrl, target.world.vault.publicUrl]) {
      expect(await sendBytes(base, bytes)).toMatchObject({ status, body: '' });
    }
  });

  it.each([
    ['a header of 100 kB', { 'X-Large': 'a'.repeat(100_000) }],
    ['a key of 100 kB', { Authorization: `Bearer ${'a'.repeat(100_000)}` }],
    ['a cookie of 100 kB', { Cookie: 'a'.repeat(100_000) }],
  ])('refuses %s', async (_, headers) => {
    expectProblem(await target.call({ target: '/tokens/ann', headers }), 431);
    expectProblem(await target.browse({ target: '/callback/stitch-money', headers }), 431);
  });

  it('refuses a target of 100 kB', async () => {
    expectProblem(await target.get(`/tokens/${'a'.repeat(100_000)}`), 431);
  });

  it.each([
    ['', 401],
    ['Basic YW5uOmFubg==', 401],
    ['Bearer', 401],
    ['Bearer  ', 401],
    ['Bearer a b', 401],
    ['Bearer ' + 'a'.repeat(5000), 401],
    ["Bearer ' OR 1=1 --", 401],
    ['Bearer \xff\xfe', 401],
  ])('refuses the credentials "%.30s"', async (authorization, status) => {
    const answer = await target.call({
      target: '/tokens/ann',
      headers: { Authorization: authorization },
    });
    expectProblem(answer, status);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  it('refuses any printable string as a key', async () => {
    const printable = fc.string({ unit: 'grapheme-ascii', maxLength: 300 });
    const property = fc.asyncProperty(printable, async (key) => {
      const headers = { Authorization: `Bearer ${key}` };
      expectProblem(await target.call({ target: '/tokens/ann', headers }), 401);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('outlives a hundred clients that connect, say something and vanish', async () => {
    const { hostname, port } = new URL(target.world.vault.internalUrl);
    const gone = Array.from({ length: 100 }, async (_, index) => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.on('connect', () => {
        socket.write('GET /tokens/ann HTTP/1.1\r\nHost: x\r\n'.slice(0, index));
        socket.resetAndDestroy();
      });
      await eventually('the client is gone', () => socket.destroyed);
    });
    await Promise.all(gone);
  });
});
