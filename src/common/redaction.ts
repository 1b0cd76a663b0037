/**
 * Text that could be a token, a code, a state, a verifier or a key: twenty or more characters of
 * the alphabets those are written in (RFC 6749 appendix A, base64, base64url) with no break.
 * UUIDs, which the vault uses as public ids, are left alone.
 */
const TOKEN_LIKE = /[A-Za-z0-9+/_~.=-]{20,}/g;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Makes text of unknown origin (a library's error message, a driver's detail) fit for a log line.
 * Control characters go as well, so that one event stays one line.
 *
 * @returns at most 300 characters
 */
export function redact(text: string): string {
  return text
    .replace(TOKEN_LIKE, (run) => (UUID.test(run) ? run : '[redacted]'))
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, 300);
}

/** What a log line may say of an error: its kind and a redacted message, never its cause chain. */
export function describeError(error: unknown): { name: string; code?: string; message: string } {
  if (!(error instanceof Error)) return { name: 'unknown', message: redact(textOf(error)) };
  const { code } = error as { code?: unknown };
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code: redact(code) } : {}),
    message: redact(error.message),
  };
}

/** Anything can be thrown, also what cannot be turned into text. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return typeof thrown;
  }
}
