import { createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { encodeAssociatedData } from './associated-data.js';
import { SALT_BYTES } from './envelope.js';

/** Keep both halves apart from each other and from any other use of a keyring key. */
const MARK = Buffer.from('stitch-token-vault/v1/bound', 'ascii');
const TERMS = Buffer.from('stitch-token-vault/v1/terms', 'ascii');

const HALF_BYTES = SALT_BYTES / 2;

/** What an envelope says of terms: bound to these, bound to others, or sealed without any. */
export type TermsComparison = 'same' | 'other' | 'unbound';

/**
 * A salt that names terms. Its first half says that there are terms at all, the second one which. For
 * anyone without the key it can't be told from a random one, and can't be made for other terms.
 *
 * @param iv 12 bytes, random for every message
 */
export function saltFor(
  key: KeyObject,
  iv: Buffer,
  context: readonly string[],
  terms: readonly string[],
): Buffer {
  return Buffer.concat([markOf(key, iv), termsOf(key, iv, context, terms)]);
}

/** Compares the terms that a salt names, if it names any, with these. */
export function compareSalt(
  salt: Buffer,
  key: KeyObject,
  iv: Buffer,
  context: readonly string[],
  terms: readonly string[],
): TermsComparison {
  if (timingSafeEqual(salt.subarray(HALF_BYTES), termsOf(key, iv, context, terms))) return 'same';
  const bound = timingSafeEqual(salt.subarray(0, HALF_BYTES), markOf(key, iv));
  return bound ? 'other' : 'unbound';
}

/** Not over the context: an envelope from another cell is bound all the same, to other terms. */
const markOf = (key: KeyObject, iv: Buffer): Buffer => half(key, Buffer.concat([MARK, iv]));

/** The length of the context keeps its parts and the terms apart. */
function termsOf(
  key: KeyObject,
  iv: Buffer,
  context: readonly string[],
  terms: readonly string[],
): Buffer {
  const header = Buffer.concat([TERMS, iv, Buffer.of(context.length)]);
  return half(key, encodeAssociatedData(header, [...context, ...terms]));
}

const half = (key: KeyObject, bytes: Buffer): Buffer =>
  createHmac('sha256', key).update(bytes).digest().subarray(0, HALF_BYTES);
