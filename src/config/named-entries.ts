import type { EnvironmentReader } from './environment-reader.js';
import { readTextFile } from './text-file.js';

const NAME = /^[a-z0-9-]{1,40}$/;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The entries of a file `{"MEMBER": {"NAME": …}}` that a variable names, if it does: those whose name
 * is well formed. Problems are noted, without a value.
 *
 * @param variable that names the file. @param member under which the entries stand
 */
export function readNamedEntries(
  reader: EnvironmentReader,
  variable: string,
  member: string,
  entriesAre: string,
): readonly (readonly [name: string, entry: unknown])[] {
  const path = reader.text(variable);
  if (path === undefined) return [];
  let file: unknown;
  try {
    file = JSON.parse(readTextFile(path));
  } catch {
    reader.refuse(variable, 'a file that can be read and is JSON in UTF-8');
    return [];
  }
  const { [member]: entries, ...others } = isObject(file) ? file : {};
  if (!isObject(entries) || Object.keys(others).length > 0) {
    reader.refuse(variable, `{"${member}": {"NAME": {…}}} and nothing beside it`);
    return [];
  }
  return Object.entries(entries).filter(([name]) => {
    const wellFormed = NAME.test(name);
    if (!wellFormed) reader.refuse(variable, `names of ${entriesAre} of 1 to 40 of a-z 0-9 -`);
    return wellFormed;
  });
}
