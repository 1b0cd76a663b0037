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
  return inOneLine(text.replace(TOKEN_LIKE, (run) => (UUID.test(run) ? run : '[redacted]')));
}

const inOneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, 300);

/**
 * SQLSTATEs whose message names a database, a role or a host and holds nothing else: invalid
 * authorization, and a database that does not exist.
 */
const NAMING_SQLSTATE = /^(28000|28P01|3D000)$/;

/**
 * Names of files, hosts and databases are no secrets, and what an operator needs first. They are
 * taken from members that hold such a name alone; all other text is redacted.
 */
function messageOf(error: Error): string {
  const { code, syscall, address, port, path, hostname, severity } = error as Partial<
    Record<'code' | 'syscall' | 'address' | 'port' | 'path' | 'hostname' | 'severity', unknown>
  >;
  if (error instanceof AggregateError && error.errors[0] instanceof Error) {
    return messageOf(error.errors[0]);
  }
  const place = address ?? path ?? hostname;
  if (typeof code === 'string' && typeof syscall === 'string' && typeof place === 'string') {
    return inOneLine(
      [syscall, code, typeof port === 'number' ? `${place}:${port}` : place].join(' '),
    );
  }
  const isNaming = typeof code === 'string' && severity !== undefined && NAMING_SQLSTATE.test(code);
  return isNaming ? inOneLine(error.message) : redact(error.message);
}

/** What a log line may say of an error: its kind and a redacted message, never its cause chain. */
export function describeError(error: unknown): { name: string; code?: string; message: string } {
  if (!(error instanceof Error)) return { name: 'unknown', message: redact(textOf(error)) };
  const { code } = error as { code?: unknown };
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code: redact(code) } : {}),
    message: messageOf(error),
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
