import type { EnvironmentReader, Source } from './environment-reader.js';

/** A client secret is visible ASCII; spaces stand inside it alone (RFC 6749 appendix A.2). */
const SECRET = /^[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?$/;

/** What a secret is expected to be. */
export const SECRET_TEXT = 'visible ASCII characters without a space at an end';

export const isSecret = (value: unknown): value is string =>
  typeof value === 'string' && SECRET.test(value);

/**
 * The secrets of a text, as they stand in it: a JSON array, or else one a line in a file, and
 * separated by commas in a variable. In a file a comma is part of a secret.
 *
 * @returns what may be no secret at all: ask {@link isSecret}
 */
export function secretsIn(text: string, isFile: boolean): unknown[] {
  if (text.trimStart().startsWith('[')) {
    try {
      const parsed: unknown = JSON.parse(text);
      if (Array.isArray(parsed)) return parsed;
    } catch {
      // A secret may begin with a bracket.
    }
  }
  if (!isFile) return text.split(',').map((item) => item.replace(/^[ \t]+|\s+$/g, ''));
  return text.split(/\r?\n/).filter((line) => line !== '');
}

/** The secrets of `NAME` or of the file that `NAME_FILE` names, newest first; none when unset. */
export function readSecrets(reader: EnvironmentReader, name: string): string[] {
  const source = reader.source(name);
  if (!source) return [];
  const secrets = endsInSpace(source) ? [] : secretsIn(source.text, source.isFile);
  if (secrets.length > 0 && secrets.every(isSecret)) return secrets;
  const form = source.isFile
    ? 'one secret a line, or a JSON array of them, newest first'
    : 'one secret, or several separated by commas, or a JSON array of them, newest first';
  reader.refuse(source.isFile ? `${name}_FILE` : name, `${form}: each ${SECRET_TEXT}`);
  return [];
}

/** A variable that begins or ends in a space was meant otherwise; a line's end at its end is not. */
const endsInSpace = ({ text, isFile }: Source): boolean =>
  !isFile && /^[ \t]|[ \t]$/.test(text.replace(/[\r\n]+$/, ''));

/** One secret, likewise; undefined when unset. */
export function readSecret(reader: EnvironmentReader, name: string): string | undefined {
  const source = reader.source(name);
  if (!source) return undefined;
  const secret = source.text.replace(/[\r\n]+$/, '');
  if (isSecret(secret)) return secret;
  reader.refuse(source.isFile ? `${name}_FILE` : name, `one secret: ${SECRET_TEXT}`);
  return undefined;
}
