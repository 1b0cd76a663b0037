import type { ProviderError, ProviderErrorKind } from '../providers/index.js';

/** Milliseconds for which a code is sent again while a browser waits. */
const WINDOW_MS = 5000;
const FIRST_PAUSE_MS = 250;

/**
 * Failures after which a code may still be good. The provider surely did not see it (no connection,
 * 429), or probably not (503). After a lost answer it may have seen it. But without another try the
 * code is lost anyway, and a provider that saw it refuses it (RFC 6749 section 4.1.2).
 */
const WORTH_ANOTHER_TRY: ReadonlySet<ProviderErrorKind> = new Set([
  'unreachable',
  'rate_limited',
  'unavailable',
  'interrupted',
]);

/**
 * When to send a code again.
 *
 * @param attempt which try failed, from 1
 * @param elapsedMs since the first try began
 * @returns milliseconds to wait, or undefined: give up
 */
export function pauseBeforeRetry(
  { kind, retryAfter }: Pick<ProviderError, 'kind' | 'retryAfter'>,
  attempt: number,
  elapsedMs: number,
): number | undefined {
  if (!WORTH_ANOTHER_TRY.has(kind)) return undefined;
  const pauseMs = Math.max(FIRST_PAUSE_MS * 2 ** (attempt - 1), retryAfter ?? 0);
  return elapsedMs + pauseMs <= WINDOW_MS ? pauseMs : undefined;
}
