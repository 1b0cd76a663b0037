/** A token that lives less than `REFRESH_LEAD` suggests is refreshed in this last share of it. */
const LARGEST_LEAD = 0.4;
/** The share of the lead that jitter may take away; what is left is always before expiry. */
const JITTER = 0.25;

/**
 * When a new token is due for refresh: `lead` milliseconds before it expires, a quarter of that
 * spread by jitter so that grants linked together do not stay together.
 *
 * @returns milliseconds since the epoch; null for a token that never expires
 */
export function refreshDueAt(
  token: { readonly obtainedAt: number; readonly expiresAt: number | null },
  lead: number,
  random: () => number = Math.random,
): number | null {
  if (token.expiresAt === null) return null;
  const longest = Math.min(lead, (token.expiresAt - token.obtainedAt) * LARGEST_LEAD);
  return Math.floor(token.expiresAt - longest * (1 - JITTER * random()));
}
