import fc from 'fast-check';
import { CONNECTION, PROVIDER, USER_ID, UserIdPipe } from './identifiers.js';

describe('identifiers', () => {
  it.each([
    ['a', true],
    ['..', true],
    ['ann@example.com', true],
    ['用户', true],
    ['😀'.repeat(255), true],
    ['😀'.repeat(256), false],
    ['', false],
    [' ', false],
    ['a b', false],
    ['a\u00a0b', false],
    ['a\0b', false],
    ['a\nb', false],
    ['a\u200bb', false],
    ['a\u202eb', false],
    ['\ud800', false],
    ['\ue000', false],
    ['\u{10ffff}', false],
    [`stv_${'a'.repeat(43)}`, false],
    [`see stv_${'a'.repeat(43)}!`.replaceAll(' ', ''), false],
    ['stv_short', true],
  ])('a user id is 1 to 255 visible characters and no API key: %j', (text, good) => {
    expect(USER_ID.test(text)).toBe(good);
  });

  it('a user id in a path is passed on, or refused by the name of its field', async () => {
    const pipe = new UserIdPipe();
    expect(pipe.transform('用户')).toBe('用户');
    const refusal = (text: string) => Promise.resolve(text).then((id) => pipe.transform(id));
    for (const text of ['', 'a b', 'a\0b', '😀'.repeat(256)]) {
      await expect(refusal(text)).rejects.toMatchObject({
        code: 'invalid_request',
        extensions: {
          errors: { user_id: ['user_id must be 1 to 255 visible characters, and no API key'] },
        },
      });
    }
  });

  it('a user id that passes survives a URL, a line of a log and the way through PostgreSQL', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        if (!USER_ID.test(text)) return;
        expect(decodeURIComponent(encodeURIComponent(text))).toBe(text);
        expect(text).not.toMatch(/[\0\r\n\s]/);
        expect(Buffer.from(text).toString()).toBe(text);
      }),
    );
  });

  it.each([
    ['default', true],
    ['FNB_1.main-2', true],
    ['a'.repeat(64), true],
    ['a'.repeat(65), false],
    ['', false],
    ['a/b', false],
    ['a b', false],
    ['é', false],
    ['a\n', false],
  ])('a connection is 1 to 64 of A-Z a-z 0-9 . _ -: %j', (text, good) => {
    expect(CONNECTION.test(text)).toBe(good);
  });

  it.each([
    ['stitch-money', true],
    ['Stitch', false],
    ['__proto__', false],
    ['a\n', false],
    ['', false],
  ])('a provider is named in lower case: %j', (text, good) => {
    expect(PROVIDER.test(text)).toBe(good);
  });
});
