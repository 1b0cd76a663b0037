/**
 * What went wrong with a provider call, by what follows from it.
 *
 * - `unreachable`: the request never left (refused, no such host, no connection in time)
 * - `interrupted`: it may have been processed, the answer was lost (timeout, connection cut)
 * - `unavailable`: 5xx
 * - `malformed`: an answer that cannot be read
 * - `rate_limited`: 429
 * - `invalid_client`: our own credentials are refused (RFC 6749 section 5.2)
 * - `invalid_grant`: the code or refresh token is refused (RFC 6749 section 5.2)
 * - `rejected`: any other OAuth error about this one request
 * - `untrusted`: the id_token is not to be believed (OpenID Connect Core section 3.1.3.7)
 */
export type ProviderErrorKind =
  | 'unreachable'
  | 'interrupted'
  | 'unavailable'
  | 'malformed'
  | 'rate_limited'
  | 'invalid_client'
  | 'invalid_grant'
  | 'rejected'
  | 'untrusted';

const DOUBTFUL: ReadonlySet<ProviderErrorKind> = new Set([
  'interrupted',
  'unavailable',
  'malformed',
  'untrusted',
]);
const ABOUT_THE_REQUEST: ReadonlySet<ProviderErrorKind> = new Set(['invalid_grant', 'rejected']);

/** A failed provider call. The message is one of a few fixed words: never text of the provider. */
export class ProviderError extends Error {
  constructor(
    readonly kind: ProviderErrorKind,
    /** Short, fixed explanation fit for `last_error`: an OAuth error code or a network code. */
    readonly reason: string,
    /** Milliseconds that the provider asked us to wait (RFC 9110 section 10.2.3). */
    readonly retryAfter?: number,
  ) {
    super(`${kind}: ${reason}`);
    this.name = 'ProviderError';
  }

  /** Whether the provider may have acted on the request although we hold no answer. */
  get leavesDoubt(): boolean {
    return DOUBTFUL.has(this.kind);
  }

  /** Whether it is the provider, or our standing with it, that is in trouble, not this request. */
  get concernsProvider(): boolean {
    return !ABOUT_THE_REQUEST.has(this.kind);
  }
}

/** OAuth error codes are printable ASCII (RFC 6749 section 5.2); anything else is not repeated. */
export function oauthErrorCode(error: unknown): string {
  return typeof error === 'string' && /^[a-z0-9_]{1,64}$/.test(error)
    ? error
    : 'unrecognised_error';
}
