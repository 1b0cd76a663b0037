import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

import fc from 'fast-check';

import { EncryptionError, Keyring, Sealer } from './index.js';
import type { EncryptionErrorCode } from './index.js';

const entry = (id: string) => ({ id, key: createHash('sha256').update(id).digest() });
const sealer = new Sealer(new Keyring([entry('k2'), entry('k1')]));
const CONTEXT = ['stitch_grants', 'access_token', 'stitch-money', 'user-1', 'default'];
const TOKEN = 'a token nobody may see';

const text = fc.string({ unit: 'binary', maxLength: 300 });
const context = fc.array(fc.string({ unit: 'binary', maxLength: 20 }), {
  minLength: 1,
  maxLength: 6,
});

function codeOf(action: () => unknown): EncryptionErrorCode | 'no error' {
  try {
    action();
    return 'no error';
  } catch (error) {
    if (error instanceof EncryptionError) {
      return error.code;
    }
    throw error;
  }
}

describe('a damaged envelope', () => {
  it('does not open with any single bit flipped, and the error says where it was', () => {
    const intact = sealer.seal(TOKEN, CONTEXT);
    for (let bit = 0; bit < intact.length * 8; bit++) {
      const damaged = Buffer.from(intact);
      const byte = bit >> 3;
      damaged.writeUInt8(damaged.readUInt8(byte) ^ (1 << (bit & 7)), byte);

      const code = codeOf(() => sealer.open(damaged, CONTEXT));
      if (byte === 0) {
        expect(code).toBe('unknown_version');
      } else if (byte < 4) {
        // In the key id: not an id, not in the keyring, or (k2 to k1 needs two bits) another key.
        expect(['malformed_envelope', 'unknown_key']).toContain(code);
      } else {
        expect(code).toBe('authentication_failed');
      }
    }
  });

  it('does not open after any change of any byte', () => {
    fc.assert(
      fc.property(text, context, fc.nat(), fc.integer({ min: 1, max: 255 }), (t, c, at, mask) => {
        const envelope = sealer.seal(t, c);
        const byte = at % envelope.length;
        envelope.writeUInt8(envelope.readUInt8(byte) ^ mask, byte);

        expect(codeOf(() => sealer.open(envelope, c))).not.toBe('no error');
      }),
    );
  });

  it('does not open under another key that took over its id', () => {
    const impostor = { id: 'k2', key: entry('other').key };
    const envelope = new Sealer(new Keyring([impostor])).seal(TOKEN, CONTEXT);

    expect(codeOf(() => sealer.open(envelope, CONTEXT))).toBe('authentication_failed');
  });

  it('does not open with its key id exchanged for another key of the keyring', () => {
    const envelope = sealer.seal(TOKEN, CONTEXT);
    envelope.write('k1', 2, 'latin1');

    expect(codeOf(() => sealer.open(envelope, CONTEXT))).toBe('authentication_failed');
  });

  it('does not open cut short anywhere: malformed below the least length, else a failed tag', () => {
    const envelope = sealer.seal(TOKEN, CONTEXT);
    for (let length = 0; length < envelope.length; length++) {
      const code = codeOf(() => sealer.open(envelope.subarray(0, length), CONTEXT));
      expect(code).toBe(length < 48 ? 'malformed_envelope' : 'authentication_failed');
    }
  });

  it('does not open with bytes added in front or behind', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(bytes, (extra) => {
        const envelope = sealer.seal(TOKEN, CONTEXT);

        const behind = Buffer.concat([envelope, extra]);
        const before = Buffer.concat([extra, envelope]);
        expect(codeOf(() => sealer.open(behind, CONTEXT))).toBe('authentication_failed');
        expect(codeOf(() => sealer.open(before, CONTEXT))).not.toBe('no error');
      }),
    );
  });

  it('is a typed error for bytes that were never an envelope, plaintext included', () => {
    expect(codeOf(() => sealer.open(Buffer.from(TOKEN), CONTEXT))).toBe('unknown_version');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(codeOf(() => sealer.open(Buffer.from(bytes), CONTEXT))).not.toBe('no error');
        expect(codeOf(() => sealer.open(Buffer.from([1, ...bytes]), CONTEXT))).not.toBe('no error');
      }),
    );
  });

  it('names the key that is missing', () => {
    const envelope = new Sealer(new Keyring([entry('retired')])).seal(TOKEN, CONTEXT);

    expect(codeOf(() => sealer.open(envelope, CONTEXT))).toBe('unknown_key');
    expect(() => sealer.open(envelope, CONTEXT)).toThrow('retired');
  });

  it('never puts the text, the context or a key into an error', () => {
    const envelope = sealer.seal(TOKEN, CONTEXT);
    const attempts = [
      () => sealer.open(envelope, ['user-secret-context']),
      () => sealer.open(Buffer.concat([Buffer.from([1, 22]), Buffer.from(TOKEN)]), CONTEXT),
      () => sealer.seal(`${TOKEN}\ud800`, CONTEXT),
      () => sealer.seal(TOKEN, ['user-secret-context\ud800']),
    ];
    for (const attempt of attempts) {
      let shown = 'no error';
      try {
        attempt();
      } catch (error) {
        shown = inspect(error, { depth: Infinity, showHidden: true });
      }
      expect(shown).toContain('EncryptionError');
      expect(shown).not.toContain(TOKEN);
      expect(shown).not.toContain('user-secret-context');
      expect(shown).not.toContain(entry('k2').key.toString('hex'));
    }
  });
});
