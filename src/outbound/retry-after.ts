/**
 * Reads `Retry-After`: seconds or an HTTP date (RFC 9110 section 10.2.3).
 *
 * @returns milliseconds; undefined for what is neither
 */
export function parseRetryAfter(given: string | undefined, now: number): number | undefined {
  const text = given?.trim();
  if (!text) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // `Date.parse` would take "-5" and "1.5" for days long gone; every HTTP date begins with a day.
  const date = /^[A-Z][a-z]/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
