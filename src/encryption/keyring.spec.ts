import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

import { EncryptionError, generateKey, Keyring, Sealer } from './index.js';
import type { KeyringEntry } from './index.js';

const entry = (id: string, key = randomBytes(32)): KeyringEntry => ({ id, key });

function refusal(entries: readonly KeyringEntry[]): EncryptionError {
  try {
    new Keyring(entries);
  } catch (error) {
    if (error instanceof EncryptionError) {
      return error;
    }
    throw error;
  }
  throw new Error('the keyring was accepted');
}

describe('Keyring', () => {
  it('keeps the order: the first key encrypts, all are known', () => {
    const keyring = new Keyring([entry('new'), entry('old')]);

    expect(keyring.primaryId).toBe('new');
    expect(keyring.ids).toEqual(['new', 'old']);
    expect(keyring.has('old')).toBe(true);
    expect(keyring.has('other')).toBe(false);
    expect(keyring.key('other')).toBeUndefined();
  });

  it('keeps its own copy of a key and gives out copies', () => {
    const given = randomBytes(32);
    const original = Buffer.from(given);
    const keyring = new Keyring([entry('k1', given)]);

    given.fill(0);
    keyring.key('k1')?.fill(0);

    expect(keyring.key('k1')).toEqual(original);
  });

  it.each([['a'], ['A-Z.a_z-0'], ['9'.repeat(64)]])('accepts the id %s', (id) => {
    expect(new Keyring([entry(id)]).primaryId).toBe(id);
  });

  it.each([
    ['no entry', []],
    ['an empty id', [entry('')]],
    ['an id of 65 characters', [entry('a'.repeat(65))]],
    ['an id with a separator', [entry('a:b')]],
    ['an id with a line break', [entry('a\n')]],
    ['an id outside ASCII', [entry('ключ')]],
    ['a repeated id', [entry('a'), entry('b'), entry('a')]],
    ['an empty key', [entry('a', Buffer.alloc(0))]],
    ['a key of 31 bytes', [entry('a', randomBytes(31))]],
    ['a key of 33 bytes', [entry('a'), entry('b', randomBytes(33))]],
  ])('refuses %s', (_, entries) => {
    expect(refusal(entries).code).toBe('invalid_keyring');
  });

  it('does not repeat a refused id, which may be the key in the wrong place', () => {
    const misplaced = randomBytes(32).toString('base64');

    const error = refusal([entry('a'), { id: misplaced, key: Buffer.from('k1') }]);

    expect(error.message).toContain('keyring entry 2');
    expect(inspect(error)).not.toContain(misplaced);
  });

  it('never shows key bytes when printed, inspected or serialised, and neither does a Sealer', () => {
    const key = Buffer.from('0123456789abcdef0123456789ABCDEF');
    const keyring = new Keyring([entry('k1', key)]);
    const forms = [keyring, new Sealer(keyring)].flatMap((subject) => [
      inspect(subject, { depth: Infinity, showHidden: true, getters: true }),
      inspect({ nested: [subject] }, { depth: Infinity }),
      JSON.stringify(subject),
      JSON.stringify(Object.assign({}, subject)),
      `${Object.entries(subject).join()} ${Object.getOwnPropertyNames(subject).join()}`,
    ]);

    expect(JSON.stringify(keyring)).toBe('{"primaryId":"k1","ids":["k1"]}');
    for (const form of forms) {
      expect(form).not.toMatch(/0123|30 31 32 33|30313233|MDEyM|48, ?49, ?50/i);
    }
  });
});

describe('generateKey', () => {
  it('makes an entry that the keyring takes, different every time', () => {
    const [id = '', base64 = ''] = generateKey('k1').split(':');
    const key = Buffer.from(base64, 'base64');

    expect(new Keyring([{ id, key }]).primaryId).toBe('k1');
    expect(key.toString('base64')).toBe(base64);
    expect(generateKey('k1')).not.toBe(generateKey('k1'));
  });

  it('dates the default id in UTC', () => {
    const late = new Date('2025-01-31T23:59:59Z');

    expect(generateKey(undefined, late)).toMatch(/^k20250131-[0-9a-f]{6}:[A-Za-z0-9+/]{43}=$/);
  });

  it.each([[''], ['a,b'], ['a:b'], ['a'.repeat(65)]])('refuses the id "%s"', (id) => {
    expect(() => generateKey(id)).toThrow(EncryptionError);
  });
});
