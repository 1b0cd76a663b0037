import { randomBytes } from 'node:crypto';

import { keyIdOf, Keyring, Sealer } from './index.js';
import type { EncryptionError, EncryptionErrorCode } from './index.js';

const withCode = (code: EncryptionErrorCode) =>
  expect.objectContaining({ name: 'EncryptionError', code }) as EncryptionError;

describe('keyIdOf', () => {
  it('reads the id from the header alone', () => {
    const id = 'k'.repeat(64);
    const envelope = new Sealer(new Keyring([{ id, key: randomBytes(32) }])).seal('token', [
      'context',
    ]);

    expect(keyIdOf(envelope.subarray(0, 66))).toBe(id);
    expect(() => keyIdOf(envelope.subarray(0, 65))).toThrow(withCode('malformed_envelope'));
  });

  it.each<[string, number[], EncryptionErrorCode]>([
    ['nothing', [], 'malformed_envelope'],
    ['a version and nothing else', [1], 'malformed_envelope'],
    ['version 0', [0, 1, 0x61], 'unknown_version'],
    ['version 2', [2, 1, 0x61], 'unknown_version'],
    ['an empty id', [1, 0, 0x61], 'malformed_envelope'],
    ['an id of 65 bytes', [1, 65, ...Array<number>(65).fill(0x61)], 'malformed_envelope'],
    ['an id outside the alphabet', [1, 2, 0x61, 0xe9], 'malformed_envelope'],
  ])('refuses %s', (_, bytes, code) => {
    expect(() => keyIdOf(Buffer.from(bytes))).toThrow(withCode(code));
  });
});
