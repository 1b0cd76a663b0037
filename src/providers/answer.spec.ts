import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { MAX_ANSWER_BYTES, decodeBody, membersOf } from './answer.js';
import type { ProviderAnswer } from './answer.js';

const MEMBERS = { access_token: 'a', refresh_token: 'r' };
const JSON_TEXT = Buffer.from(JSON.stringify(MEMBERS));

const answerOf = (body: Buffer | string, rest: Partial<ProviderAnswer> = {}): ProviderAnswer => ({
  status: 200,
  contentType: 'application/json',
  contentEncoding: null,
  body: Buffer.from(body),
  ...rest,
});

describe('the members of an answer are read whatever its dress', () => {
  it.each<[string, Buffer, string | null]>([
    ['gzip', gzipSync(JSON_TEXT), 'gzip'],
    ['x-gzip in capitals', gzipSync(JSON_TEXT), 'X-GZIP'],
    ['deflate', deflateSync(JSON_TEXT), 'deflate'],
    ['deflate without its wrapper', deflateRawSync(JSON_TEXT), 'deflate'],
    ['br', brotliCompressSync(JSON_TEXT), 'br'],
    ['one inside the other', brotliCompressSync(gzipSync(JSON_TEXT)), 'gzip, br'],
    ['gzip that no header tells of', gzipSync(JSON_TEXT), null],
    ['a header that is not true', JSON_TEXT, 'gzip'],
    ['identity', JSON_TEXT, 'identity'],
  ])('encoding: %s', (_, body, contentEncoding) => {
    expect(membersOf(answerOf(body, { contentEncoding }))).toEqual(MEMBERS);
  });

  it.each([
    null,
    'text/html',
    'text/plain; charset=iso-8859-1',
    'application/x-www-form-urlencoded',
  ])('content type: %s', (contentType) => {
    expect(membersOf(answerOf(JSON_TEXT, { contentType }))).toEqual(MEMBERS);
  });

  it.each([
    ['a byte order mark', `\uFEFF${JSON_TEXT.toString()}`],
    ['space around it', `\r\n ${JSON_TEXT.toString()} \n`],
    ['a form', 'access_token=a&refresh_token=r'],
  ])('text: %s', (_, text) => {
    expect(membersOf(answerOf(text))).toEqual(MEMBERS);
  });

  it.each([
    '',
    '{"access_token":"cut off her',
    '[]',
    'null',
    '"a"',
    '<h1>error=1</h1>',
    'error=<b>',
  ])('none are in %j', (text) => {
    expect(membersOf(answerOf(text))).toBeUndefined();
  });

  it('a member of the prototype is none of the answer', () => {
    expect(membersOf(answerOf('{"__proto__":{"error":"x"}}'))?.error).toBeUndefined();
  });
});

it('an answer that would unpack to more than the limit is left packed', () => {
  const bomb = gzipSync(Buffer.alloc(MAX_ANSWER_BYTES + 1));
  expect(decodeBody(answerOf(bomb, { contentEncoding: 'gzip' }))).toEqual(bomb);
});
