import type { CallbackStatus } from './request-status.js';

/** How a callback ended, for the page or the redirect. */
export interface CallbackEnd {
  readonly requestId: string;
  readonly status: CallbackStatus;
  readonly returnTo: string | null;
  /**
   * 200 when linked, kept to be stored, or declined; 400 for an unusable answer, 502 for trouble
   * with the provider, also while its answer is still listened for.
   */
  readonly httpStatus: number;
  /** `Set-Cookie` values. */
  readonly setCookies: readonly string[];
}

/**
 * The caller's URL with how the request ended added to its query. What the caller wrote stays as it
 * is, letter by letter: it may be signed.
 */
export function returnUrl(
  returnTo: string,
  end: Pick<CallbackEnd, 'requestId' | 'status'>,
): string {
  const [, base = '', query, fragment = ''] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(returnTo) ?? [];
  const added = `authorization_request=${end.requestId}&status=${end.status}`;
  if (query === undefined) return `${base}?${added}${fragment}`;
  const separator = /[?&]$/.test(query) ? '' : '&';
  return `${base}${query}${separator}${added}${fragment}`;
}
