import { LRUCache } from 'lru-cache';
import type { ValueTransformer } from 'typeorm';

/** Grants of one provider have few different sets of scopes: one array for all that have the same. */
const KNOWN = new LRUCache<string, readonly string[]>({ max: 1000 });

function scopesOf(text: string): readonly string[] {
  let scopes = KNOWN.get(text);
  if (!scopes) KNOWN.set(text, (scopes = text.split(' ').filter(Boolean)));
  return scopes;
}

/** Scopes are a column of text, separated by spaces (RFC 6749 section 3.3). */
export const SCOPES: ValueTransformer = {
  from: scopesOf,
  to: (scopes: readonly string[]) => scopes.join(' '),
};
