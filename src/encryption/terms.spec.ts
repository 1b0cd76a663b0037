import fc from 'fast-check';
import { generateKey } from './generate-key.js';
import { Keyring } from './keyring.js';
import { Sealer } from './sealer.js';

const keyOf = (id: string) => {
  const key = generateKey(id);
  return { id, key: Buffer.from(key.slice(key.indexOf(':') + 1), 'base64') };
};
const KEY = keyOf('k1');
const sealer = new Sealer(new Keyring([KEY]));
const CONTEXT = ['table', 'column', 'row'];
const parts = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 4 });

describe('terms', () => {
  it('are the same, or others, and never keep a value from being opened', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), parts, parts, (text, terms, others) => {
        const envelope = sealer.seal(text, CONTEXT, terms);
        expect(sealer.open(envelope, CONTEXT)).toBe(text);
        expect(sealer.compareTerms(envelope, CONTEXT, terms)).toBe('same');
        const equal = JSON.stringify(terms) === JSON.stringify(others);
        expect(sealer.compareTerms(envelope, CONTEXT, others)).toBe(equal ? 'same' : 'other');
      }),
    );
  });

  it('are told from none, which is what earlier versions have sealed', () => {
    const envelope = sealer.seal('token', CONTEXT);
    expect(sealer.compareTerms(envelope, CONTEXT, [])).toBe('unbound');
    expect(sealer.compareTerms(envelope, CONTEXT, ['a'])).toBe('unbound');
  });

  it.each([
    ['split otherwise', CONTEXT, ['ab', '']],
    ['moved into the context', [...CONTEXT, 'a'], ['b']],
    ['of another cell', ['table', 'column', 'another'], ['a', 'b']],
  ])('are others when %s', (_, context, terms) => {
    const envelope = sealer.seal('token', CONTEXT, ['a', 'b']);
    expect(sealer.compareTerms(envelope, context, terms)).toBe('other');
  });

  it('can only be compared with the key that sealed them', () => {
    const envelope = sealer.seal('token', CONTEXT, ['a']);
    const stranger = new Sealer(new Keyring([keyOf('k1')]));
    expect(stranger.compareTerms(envelope, CONTEXT, ['a'])).toBe('unbound');
    const other = new Sealer(new Keyring([keyOf('k2')]));
    expect(() => other.compareTerms(envelope, CONTEXT, ['a'])).toThrow('no key "k1"');
  });

  it('take no byte: an envelope is as long as without them, and no two are alike', () => {
    const bound = [1, 2].map(() => sealer.seal('token', CONTEXT, ['a']).toString('hex'));
    expect(bound[0]).not.toBe(bound[1]);
    expect(bound[0]).toHaveLength(sealer.seal('token', CONTEXT).toString('hex').length);
  });
});
