/** What a {@link VaultError} tells. */
export interface VaultErrorDetails {
  /** The status of the HTTP answer that the error is about; null when there was none. */
  readonly status?: number | null;
  /** Why the user must consent again, with `reauthorization_required`. */
  readonly reason?: string | null;
  /** Scopes that were asked for but not granted, with `insufficient_scope`. */
  readonly missingScopes?: readonly string[];
  /** Seconds after which it is worth trying again; null when the vault did not say. */
  readonly retryAfter?: number | null;
  /** What is wrong with the request, by field, with `invalid_request`. */
  readonly errors?: Readonly<Record<string, readonly string[]>>;
}

/**
 * Why there is no token. Branch on `code`: it is one of the vault's own (`token_not_found`,
 * `reauthorization_required`, …), or one that the client itself gives:
 *
 * - `vault_unreachable`: nothing answered in time (`status` is null), or what answered was not the
 *   vault, as an error page of a proxy is not (`status` is the one of that page);
 * - `body_not_replayable`: the API answered 401, and the body of the request can't be sent again;
 * - `invalid_request` with `status` null: the user id can't be part of a URL;
 * - `key_unavailable`: the function that gives the API key failed, or gave something else.
 *
 * It has no `cause`, and neither its message nor any other member ever holds a token or a key: the
 * errors of HTTP libraries may quote the headers that were sent.
 */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly code: string;
  readonly status: number | null;
  readonly reason: string | null;
  readonly missingScopes: readonly string[];
  readonly retryAfter: number | null;
  readonly errors: Readonly<Record<string, readonly string[]>>;

  constructor(code: string, message: string, details: VaultErrorDetails = {}) {
    super(message);
    this.code = code;
    this.status = details.status ?? null;
    this.reason = details.reason ?? null;
    this.missingScopes = details.missingScopes ?? [];
    this.retryAfter = details.retryAfter ?? null;
    this.errors = details.errors ?? {};
  }
}
