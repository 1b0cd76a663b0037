import { readFileSync } from 'node:fs';

/**
 * Reads a file of text. A byte order mark of UTF-8 is no part of it.
 *
 * @throws when it can't be read, or is not UTF-8: UTF-16 would be read as other letters
 */
export function readTextFile(path: string): string {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  if (text.includes('\0')) throw new Error('no text in UTF-8');
  return text;
}
