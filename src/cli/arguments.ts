import { InvalidArgumentError } from 'commander';
import { CLIENT_NAME } from '../clients/index.js';
import { parseTime } from './import/rfc3339.js';
import { CONNECTION, PROVIDER, USER_ID } from '../common/index.js';

/** A parser of commander's that takes what a pattern matches. */
const matching = (pattern: RegExp, expected: string) => (text: string) => {
  if (!pattern.test(text)) throw new InvalidArgumentError(`It must be ${expected}.`);
  return text;
};

export const clientName = matching(CLIENT_NAME, '1 to 64 of A-Z a-z 0-9 . _ -');
export const userId = matching(USER_ID, '1 to 255 visible characters');
export const provider = matching(PROVIDER, "a provider's name");
export const connection = matching(CONNECTION, '1 to 64 of A-Z a-z 0-9 . _ -');

/** A parser of a duration in whole seconds. */
export const seconds =
  (minimum: number, maximum: number) =>
  (text: string): number => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${minimum} to ${maximum}.`);
  };

/** A parser of a date-time of RFC 3339. @returns milliseconds since the epoch */
export function time(text: string): number {
  const parsed = parseTime(text);
  if (parsed !== undefined) return parsed;
  throw new InvalidArgumentError('It must be a time such as 2026-11-26T17:00:00Z.');
}

/** How many of something to list. */
export function limit(text: string): number {
  if (/^([1-9]\d?|[1-4]\d{2}|500)$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 500.');
}
