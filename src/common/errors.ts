import { VaultError } from './vault-error.js';
import type { ErrorCode, FieldErrors, ReauthorizationReason } from './vault-error.js';

/*
 * Every error that the vault answers with is made here, so that one page shows which status a code
 * has and what its sentences say.
 */

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

/** 403: a scope that the caller needs was not granted, by the user unless `detail` says another. */
export const insufficientScope = (
  missing: string[],
  detail = 'The user did not grant every scope asked for.',
) =>
  new VaultError(403, 'insufficient_scope', 'Insufficient scope', detail, {
    missing_scopes: missing,
  });

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
export const keyUnavailable = (cause?: unknown) =>
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

/** 400: used, unknown, expired and malformed look the same from outside. */
export const invalidCallback = () =>
  new VaultError(400, 'invalid_callback', 'Invalid callback', 'This link cannot be used.');

/** 409: what a confirmation says does not fit the request. */
export const confirmationConflict = (
  code: Extract<ErrorCode, 'not_awaiting_confirmation' | 'user_mismatch'>,
  detail: string,
) => new VaultError(409, code, 'Conflict', detail);

/** 409: an account can't be made, because there is one. */
export const accountExists = () =>
  new VaultError(
    409,
    'account_exists',
    'Account exists',
    'There is an account with this email address; link it by consent instead.',
  );

/** 502: the provider refuses who the vault says that it is. */
export const partnerCredentialsRefused = () =>
  new VaultError(
    502,
    'partner_credentials_refused',
    'Partner credentials refused',
    'The provider refuses the partner credentials that the vault is configured with.',
  );

/** 502: the provider refused this request alone. */
export const providerRefused = (cause: Error) =>
  new VaultError(
    502,
    'provider_refused',
    'Provider refused',
    'The provider refused this request, for a reason that the vault does not know.',
    { cause },
  );

/** 502: whether it was done is not known, so it must not be done again. */
export const outcomeUnknown = (cause: Error) =>
  new VaultError(
    502,
    'outcome_unknown',
    'Outcome unknown',
    'The answer was lost or is not stored yet; what was asked for may have been done.',
    { cause },
  );

/** 502: what is configured of a provider is not what the provider says of itself. */
export const providerMisconfigured = (detail: string, reason: string) =>
  new VaultError(502, 'provider_misconfigured', 'Bad gateway', detail, { reason });

/** 503: the provider's metadata can't be had. `retryAfter` in seconds. */
export const metadataUnavailable = (reason: string, retryAfter: number) =>
  new VaultError(
    503,
    'provider_unavailable',
    'Provider unavailable',
    'The metadata of the provider can’t be had now.',
    { reason, retryAfter },
  );

/** 503: no key of the issuer was ever had, so that nobody's JWT can be told from a forgery. */
export const issuerUnavailable = () =>
  new VaultError(
    503,
    'issuer_unavailable',
    'Issuer unavailable',
    'The issuer of callers’ tokens could not be reached yet.',
    { retryAfter: 5 },
  );

/** Code, title and detail of the errors that Node, Fastify and Nest raise, by status. */
const BY_STATUS: Readonly<
  Record<number, readonly [code: ErrorCode, title: string, detail: string]>
> = {
  400: ['invalid_request', 'Invalid request', 'The request is malformed.'],
  403: ['forbidden', 'Forbidden', 'This is not allowed.'],
  404: ['not_found', 'Not found', 'There is nothing at this address.'],
  405: ['method_not_allowed', 'Method not allowed', 'This address knows other methods.'],
  408: ['request_timeout', 'Request timeout', 'The request did not arrive in time.'],
  413: ['payload_too_large', 'Payload too large', 'The body is too large.'],
  414: ['uri_too_long', 'URI too long', 'The URL is too long.'],
  415: ['unsupported_media_type', 'Unsupported media type', 'A body must be JSON in UTF-8.'],
  417: ['expectation_failed', 'Expectation failed', 'Only 100-continue may be expected.'],
  431: ['header_fields_too_large', 'Header fields too large', 'URL and header are too large.'],
};

/** What an error of Node, Fastify or Nest means, by its status. */
export function errorOfStatus(status: number, cause?: unknown): VaultError {
  const [code, title, detail] = BY_STATUS[status] ?? [
    'invalid_request',
    'Invalid request',
    'The request cannot be answered.',
  ];
  const errors = status === 400 ? { errors: { request: ['is malformed'] } } : {};
  return new VaultError(status, code, title, detail, { cause, ...errors });
}

/** 500: nobody foresaw this. */
export const internalError = (cause: unknown) =>
  new VaultError(500, 'internal_error', 'Internal error', 'Something went wrong here.', { cause });
