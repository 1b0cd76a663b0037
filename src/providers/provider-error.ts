import type { ProviderAnswer } from './answer.js';

/**
 * What went wrong with a provider call, by what follows from it.
 *
 * - `unreachable`: the request never left (refused, no such host, TLS, proxy, no connection in time)
 * - `interrupted`: it may have been processed, the answer was lost (timeout, connection cut)
 * - `unavailable`: 5xx, or an error that says as much
 * - `malformed`: an answer that cannot be read
 * - `rate_limited`: 429, or an error that says as much
 * - `invalid_client`: our own credentials are refused (RFC 6749 section 5.2)
 * - `invalid_grant`: the code or refresh token is refused (RFC 6749 section 5.2)
 * - `rejected`: any other refusal of this one request
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
const REFUSALS: ReadonlySet<ProviderErrorKind> = new Set([
  'invalid_grant',
  'invalid_client',
  'rejected',
]);

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

  /** Whether the request may have reached the provider. False: it never left, nothing was spent. */
  get sent(): boolean {
    return this.kind !== 'unreachable';
  }

  /** Whether the provider may have acted on the request although we hold no answer. */
  get leavesDoubt(): boolean {
    return DOUBTFUL.has(this.kind);
  }

  /** Whether it is the provider, or our standing with it, that is in trouble, not this request. */
  get concernsProvider(): boolean {
    return !ABOUT_THE_REQUEST.has(this.kind);
  }

  /**
   * Whether the provider read the request and said no. A dead refresh token is told so in many
   * words: `invalid_grant` is the right one, `unauthorized_client`, `invalid_client`,
   * `interaction_required` and `bad_refresh_token` have been seen. `reason` is the word.
   */
  get isRefusal(): boolean {
    return REFUSALS.has(this.kind);
  }
}

/**
 * An answer that may hold tokens and could not be understood. It is kept, sealed, until code that
 * understands it is there (`TokenProvider.understand`), and the token that it answered is not
 * presented again. The answer is no enumerable member: nothing that prints an error shows it.
 */
export class UnreadableAnswerError extends ProviderError {
  declare readonly answer: ProviderAnswer;

  constructor(reason: string, answer: ProviderAnswer) {
    super('malformed', reason);
    this.name = 'UnreadableAnswerError';
    Object.defineProperty(this, 'answer', { value: answer, enumerable: false });
  }

  get body(): Buffer {
    return this.answer.body;
  }

  get status(): number {
    return this.answer.status;
  }

  get contentType(): string | null {
    return this.answer.contentType;
  }
}

/**
 * A code was exchanged, and what came with the tokens is not to be believed or of no use: nobody
 * will use them, so the refresh token is to be revoked. It is no enumerable member: nothing that
 * prints an error shows it.
 */
export class UnusedTokensError extends ProviderError {
  declare readonly refreshToken: string;

  constructor({ kind, reason, retryAfter }: ProviderError, refreshToken: string) {
    super(kind, reason, retryAfter);
    this.name = 'UnusedTokensError';
    Object.defineProperty(this, 'refreshToken', { value: refreshToken, enumerable: false });
  }
}

/** OAuth error codes are printable ASCII (RFC 6749 section 5.2); anything else is not repeated. */
export function oauthErrorCode(error: unknown): string {
  return typeof error === 'string' && /^[a-z0-9_]{1,64}$/.test(error)
    ? error
    : 'unrecognised_error';
}
