const TIME = /^(\d{4})-(\d{2})-(\d{2})[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * A date-time of RFC 3339 section 5.6, with seconds and a zone.
 *
 * @returns milliseconds since the epoch; undefined for anything else
 */
export function parseTime(text: string): number | undefined {
  const [, year, month, day] = TIME.exec(text) ?? [];
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  // Date.parse takes a 30 February for the 2 March.
  if (date.getUTCDate() !== Number(day)) return undefined;
  const parsed = Date.parse(text.toUpperCase().replace(' ', 'T'));
  return Number.isNaN(parsed) ? undefined : parsed;
}
