/** Every `code` of a problem document; docs/reading.md and docs/linking.md say what each means. */
export type ErrorCode =
  | 'account_exists'
  | 'expectation_failed'
  | 'forbidden'
  | 'header_fields_too_large'
  | 'insufficient_scope'
  | 'internal_error'
  | 'invalid_callback'
  | 'invalid_request'
  | 'issuer_unavailable'
  | 'key_unavailable'
  | 'method_not_allowed'
  | 'not_awaiting_confirmation'
  | 'not_found'
  | 'outcome_unknown'
  | 'partner_credentials_refused'
  | 'payload_too_large'
  | 'provider_misconfigured'
  | 'provider_refused'
  | 'provider_unavailable'
  | 'rate_limited'
  | 'reauthorization_required'
  | 'request_timeout'
  | 'storage_unavailable'
  | 'token_not_found'
  | 'unauthorized'
  | 'unsupported'
  | 'unsupported_media_type'
  | 'uri_too_long'
  | 'user_mismatch';

/** A problem by field, as RFC 9457 section 3.1 shows it for validation: field name → sentences. */
export type FieldErrors = Record<string, string[]>;

/** Members that an error adds to its problem document, beside the five standard ones. */
export interface ProblemExtensions {
  reason?: string;
  missing_scopes?: string[];
  errors?: FieldErrors;
}

interface VaultErrorOptions extends ProblemExtensions {
  /** Seconds for the `Retry-After` header (RFC 9110 section 10.2.3). */
  retryAfter?: number;
  cause?: unknown;
}

/**
 * An error with a stable `code` that a caller may branch on. Thrown where the fact is known and
 * turned into HTTP in one place, the error filter. `detail` is shown to the caller: it never
 * holds a token, a code, a state or any other secret.
 */
export class VaultError extends Error {
  readonly retryAfter: number | undefined;
  readonly extensions: ProblemExtensions;

  constructor(
    readonly status: number,
    readonly code: ErrorCode,
    readonly title: string,
    detail: string,
    options: VaultErrorOptions = {},
  ) {
    const { retryAfter, cause, ...extensions } = options;
    super(detail, { cause });
    this.name = 'VaultError';
    this.retryAfter = retryAfter;
    this.extensions = extensions;
  }
}

/** Why a user has to consent again. */
export const REAUTHORIZATION_REASONS = [
  'grant_revoked',
  'rotation_lost',
  'no_refresh_token',
  'suspended',
  'refused',
] as const;
export type ReauthorizationReason = (typeof REAUTHORIZATION_REASONS)[number];

/** 400: something in the request is malformed; `errors` says what, by field. */
export const invalidRequest = (errors: FieldErrors, detail = 'The request is malformed.') =>
  new VaultError(400, 'invalid_request', 'Invalid request', detail, { errors });

/** 401: no credential, or one that is wrong in any way. */
export const unauthorized = () =>
  new VaultError(401, 'unauthorized', 'Unauthorized', 'A valid credential is required.');

/** 403: the credential is valid but its client lacks the scope this route needs. */
export const forbidden = (scope: string) =>
  new VaultError(403, 'forbidden', 'Forbidden', `The client lacks the scope ${scope}.`);

/** 403: the client is restricted to other providers or users, whether or not these exist. */
export const outsideRestriction = () =>
  new VaultError(403, 'forbidden', 'Forbidden', 'The client is restricted to others than this.');

/** 429: more than the ceiling allows. `retryAfter` in seconds. */
export const rateLimited = (retryAfter: number) =>
  new VaultError(429, 'rate_limited', 'Rate limited', 'There were too many requests.', {
    retryAfter: Math.max(1, retryAfter),
  });

/** 404 for anything that is not a token. */
export const notFound = (detail = 'There is nothing at this address.') =>
  new VaultError(404, 'not_found', 'Not found', detail);

/** 404: the provider has nothing of the kind. */
export const unsupported = (detail: string) =>
  new VaultError(404, 'unsupported', 'Unsupported', detail);

/** 404: no such grant, or one still awaiting confirmation. */
export const tokenNotFound = () =>
  new VaultError(404, 'token_not_found', 'Token not found', 'This user has not linked this.');

/** 403: the user did not grant a scope that the caller needs. */
export const insufficientScope = (missing: string[]) =>
  new VaultError(
    403,
    'insufficient_scope',
    'Insufficient scope',
    'The user did not grant every scope asked for.',
    { missing_scopes: missing },
  );

/** 409: only the user can help, by consenting again. */
export const reauthorizationRequired = (reason: ReauthorizationReason) =>
  new VaultError(
    409,
    'reauthorization_required',
    'Reauthorization required',
    'The user must consent again.',
    { reason },
  );

/** 503: the provider can't be reached, or has paused us. `retryAfter` in seconds. */
export const providerUnavailable = (retryAfter: number, cause?: unknown) =>
  new VaultError(
    503,
    'provider_unavailable',
    'Provider unavailable',
    'The provider cannot be reached at the moment; the grant is kept.',
    { retryAfter, cause },
  );

/** 503: this replica lacks the key that a value is sealed under; another one may have it. */
export const keyUnavailable = (cause: unknown) =>
  new VaultError(
    503,
    'key_unavailable',
    'Key unavailable',
    'This replica lacks the key that the value is sealed under.',
    { retryAfter: 1, cause },
  );

/** 503: the database can't be reached in time. */
export class StorageUnavailableError extends VaultError {
  constructor(cause?: unknown) {
    super(
      503,
      'storage_unavailable',
      'Storage unavailable',
      'The database cannot be reached at the moment.',
      { retryAfter: 1, cause },
    );
    this.name = 'StorageUnavailableError';
  }
}
