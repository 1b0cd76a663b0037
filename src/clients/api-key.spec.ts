import fc from 'fast-check';
import { bearerOf, hashBearer, newApiKey } from './api-key.js';

describe('API keys', () => {
  it('are 256 random bits behind a mark for secret scanners', () => {
    const keys = Array.from({ length: 500 }, newApiKey);
    for (const key of keys) expect(key).toMatch(/^stv_[A-Za-z0-9_-]{43}$/);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('are looked up by SHA-256', () => {
    expect(hashBearer('abc')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  it.each([
    ['Bearer stv_abc', 'stv_abc'],
    ['bearer stv_abc', 'stv_abc'],
    ['BEARER   stv_abc', 'stv_abc'],
    ['Bearer a+b/c==', 'a+b/c=='],
    [undefined, undefined],
    ['', undefined],
    ['Bearer', undefined],
    ['Bearer ', undefined],
    ['stv_abc', undefined],
    ['Basic stv_abc', undefined],
    ['Bearer a b', undefined],
    ['Bearer stv_abc\n', undefined],
    ['XBearer stv_abc', undefined],
    ['Bearer é', undefined],
    [`Bearer ${'a'.repeat(8193)}`, undefined],
  ])('in the header %j: %j', (header, expected) => {
    expect(bearerOf(header)).toBe(expected);
  });

  it('are found again in the header that carries them, and nothing else ever is', () => {
    const key = newApiKey();
    expect(bearerOf(`Bearer ${key}`)).toBe(key);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (header) => {
        const found = bearerOf(header);
        if (found !== undefined) expect(header.endsWith(found)).toBe(true);
      }),
    );
  });
});
