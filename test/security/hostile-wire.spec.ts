import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import fc from 'fast-check';
import { eventually } from '../support/wait.js';
import { expectPage, expectProblem } from './refusals.js';
import { useTarget } from './target.js';
import { sendBytes } from './wire.js';

const CHUNKED =
  'POST /authorization-requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
  'Authorization: Bearer API-KEY\r\nTransfer-Encoding: chunked\r\n\r\n';

const LARGE = 'a'.repeat(100_000);

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
  [
    'bytes in the path that are no ASCII',
    Buffer.from('GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n', 'latin1'),
  ],
  ['a space in the target', 'GET /tokens/a b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b: c\r\n\r\n'],
];

describe('hostile bytes on both listeners', () => {
  const target = useTarget();

  /** Each listener answers with its own renderer, also what none of its routes sees. */
  async function expectRefused(given: string | Buffer, status: number, code: string) {
    const { internalUrl, publicUrl } = target.world.vault;
    const bytes = typeof given === 'string' ? given.replace('API-KEY', target.world.key) : given;
    const problem = await sendBytes(internalUrl, bytes);
    expectProblem(problem, status);
    expect(JSON.parse(problem.body)).toMatchObject({ code });
    expectPage(await sendBytes(publicUrl, bytes), status);
  }

  it.each(NOT_HTTP)('refuses %s', async (_, bytes) => {
    await expectRefused(bytes, 400, 'invalid_request');
  });

  it.each([
    ['no host', 'GET /tokens/ann HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'invalid_request'],
    [
      'no host, and a body',
      'POST /tokens/ann/rejections HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}',
      400,
      'invalid_request',
    ],
    [
      'an expectation nobody knows',
      'GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n',
      417,
      'expectation_failed',
    ],
    [
      'extensions of chunks without end',
      CHUNKED + `1;${'a'.repeat(20_000)}\r\n{\r\n0\r\n\r\n`,
      413,
      'payload_too_large',
    ],
  ])('refuses %s, which Node would do without a word', async (_, bytes, status, code) => {
    await expectRefused(bytes, status, code);
  });

  it('answers once what is wrong in its head and in its body', async () => {
    const bytes = `${CHUNKED.replace('API-KEY', 'wrong')}zz\r\n\r\n`;
    const answer = await sendBytes(target.world.vault.internalUrl, bytes);
    expectProblem(answer, 401);
  });

  it('asks no host of HTTP/1.0, which need not name one', async () => {
    const bytes = 'GET /health/live HTTP/1.0\r\n\r\n';
    expect(await sendBytes(target.world.vault.internalUrl, bytes)).toMatchObject({ status: 200 });
  });

  it.each([
    ['a header of 100 kB', `GET /tokens/ann HTTP/1.1\r\nHost: x\r\nX-Large: ${LARGE}\r\n\r\n`],
    ['a cookie of 100 kB', `GET /callback/x HTTP/1.1\r\nHost: x\r\nCookie: ${LARGE}\r\n\r\n`],
    [
      'a key of 100 kB',
      `GET /tokens/ann HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${LARGE}\r\n\r\n`,
    ],
    ['a target of 100 kB', `GET /tokens/${LARGE} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ])('refuses %s', async (_, bytes) => {
    await expectRefused(bytes, 431, 'header_fields_too_large');
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
