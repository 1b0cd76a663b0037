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
