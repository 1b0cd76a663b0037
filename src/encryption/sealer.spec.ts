import { createHash } from 'node:crypto';

import fc from 'fast-check';

import { keyIdOf, Keyring, Sealer } from './index.js';
import type { EncryptionError, EncryptionErrorCode } from './index.js';

const entry = (id: string) => ({ id, key: createHash('sha256').update(id).digest() });
const sealer = new Sealer(new Keyring([entry('k2'), entry('k1')]));
const CONTEXT = ['stitch_grants', 'access_token', 'stitch-money', 'user-1', 'default'];
const TOKEN = 'a token nobody may see';

const text = fc.string({ unit: 'binary', maxLength: 300 });
const context = fc.array(fc.string({ unit: 'binary', maxLength: 20 }), {
  minLength: 1,
  maxLength: 6,
});

const withCode = (code: EncryptionErrorCode) =>
  expect.objectContaining({ name: 'EncryptionError', code }) as EncryptionError;

describe('seal and open', () => {
  it('give back the same text for the same context', () => {
    fc.assert(
      fc.property(text, context, (plaintext, parts) => {
        const envelope = sealer.seal(plaintext, parts);

        expect(sealer.open(envelope, parts)).toBe(plaintext);
        expect(envelope).toHaveLength(46 + 'k2'.length + Buffer.byteLength(plaintext));
      }),
    );
  });

  it('never seal the same text to the same salt, iv or ciphertext twice', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 16 }), context, (plaintext, parts) => {
        const [a, b] = [sealer.seal(plaintext, parts), sealer.seal(plaintext, parts)];

        expect(a.subarray(4, 20)).not.toEqual(b.subarray(4, 20));
        expect(a.subarray(20, 32)).not.toEqual(b.subarray(20, 32));
        expect(a.subarray(32)).not.toEqual(b.subarray(32));
      }),
    );
  });

  it('seal under the first key and open under all: rotation needs no re-encryption at once', () => {
    const old = new Sealer(new Keyring([entry('k1')])).seal(TOKEN, CONTEXT);

    expect(sealer.open(old, CONTEXT)).toBe(TOKEN);
    expect(keyIdOf(old)).toBe('k1');
    expect(keyIdOf(sealer.seal(TOKEN, CONTEXT))).toBe('k2');
  });

  it('refuse an empty context and text that UTF-8 cannot hold', () => {
    const envelope = sealer.seal(TOKEN, ['\ufffd']);

    expect(() => sealer.seal(TOKEN, [])).toThrow(withCode('invalid_input'));
    expect(() => sealer.open(envelope, [])).toThrow(withCode('invalid_input'));
    expect(() => sealer.seal('\ud800', CONTEXT)).toThrow(withCode('invalid_input'));
    // Encoded by Node alone, a lone surrogate would become U+FFFD and open the envelope.
    expect(() => sealer.open(envelope, ['\ud800'])).toThrow(withCode('invalid_input'));
  });
});

describe('an envelope moved to another context', () => {
  it('does not open', () => {
    fc.assert(
      fc.property(context, context, (sealed, opened) => {
        fc.pre(JSON.stringify(sealed) !== JSON.stringify(opened));
        const envelope = sealer.seal(TOKEN, sealed);

        expect(() => sealer.open(envelope, opened)).toThrow(withCode('authentication_failed'));
      }),
    );
  });

  it('does not open when the same characters are split, ordered or padded differently', () => {
    const split = fc.tuple(fc.string({ minLength: 1 }), fc.nat(), fc.nat());
    fc.assert(
      fc.property(split, ([all, i, j]) => {
        const [at, other] = [i % (all.length + 1), j % (all.length + 1)];
        fc.pre(at !== other);
        const envelope = sealer.seal(TOKEN, [all.slice(0, at), all.slice(at)]);

        const moved = [all.slice(0, other), all.slice(other)];
        expect(() => sealer.open(envelope, moved)).toThrow(withCode('authentication_failed'));
      }),
    );
    const envelope = sealer.seal(TOKEN, ['ab', 'c']);
    for (const parts of [['a', 'bc'], ['abc'], ['c', 'ab'], ['ab', 'c', ''], ['', 'ab', 'c']]) {
      expect(() => sealer.open(envelope, parts)).toThrow(withCode('authentication_failed'));
    }
  });
});
