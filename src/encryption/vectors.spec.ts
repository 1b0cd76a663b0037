import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { encodeAssociatedData } from './associated-data.js';
import { parseEnvelope } from './envelope.js';
import { keyIdOf, Keyring, Sealer } from './index.js';
import { deriveMessageKey } from './message-key.js';

interface Vector {
  name: string;
  key_id: string;
  context: string[];
  plaintext: string;
  salt: string;
  iv: string;
  message_key: string;
  associated_data: string;
  envelope: string;
}

const { keys, vectors } = JSON.parse(
  readFileSync(new URL('./vectors.json', import.meta.url), 'utf8'),
) as { keys: Record<string, string>; vectors: Vector[] };

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** All keys of the file, the named one first. */
function keyringFor(primaryId: string): Keyring {
  const ids = [primaryId, ...Object.keys(keys).filter((id) => id !== primaryId)];
  return new Keyring(ids.map((id) => ({ id, key: hex(keys[id]!) })));
}

describe('known-answer vectors', () => {
  it.each(vectors)('$name: opens, under any primary key', (vector) => {
    for (const primaryId of Object.keys(keys)) {
      const sealer = new Sealer(keyringFor(primaryId));

      expect(sealer.open(hex(vector.envelope), vector.context)).toBe(vector.plaintext);
    }
  });

  it.each(vectors)('$name: seal writes exactly these bytes', (vector) => {
    const random = Buffer.concat([hex(vector.salt), hex(vector.iv)]);
    const asked: number[] = [];
    const sealer = new Sealer(keyringFor(vector.key_id), (size) => {
      asked.push(size);
      return random;
    });

    const envelope = sealer.seal(vector.plaintext, vector.context);

    expect(envelope.toString('hex')).toBe(vector.envelope);
    expect(asked).toEqual([random.length]);
  });

  it.each(vectors)('$name: every step agrees', (vector) => {
    const envelope = hex(vector.envelope);
    const { header, salt } = parseEnvelope(envelope);
    const keyringKey = createSecretKey(hex(keys[vector.key_id]!));

    expect(keyIdOf(envelope)).toBe(vector.key_id);
    expect(salt.toString('hex')).toBe(vector.salt);
    expect(deriveMessageKey(keyringKey, salt).toString('hex')).toBe(vector.message_key);
    expect(encodeAssociatedData(header, vector.context).toString('hex')).toBe(
      vector.associated_data,
    );
  });
});
