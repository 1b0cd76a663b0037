/** What an authorization response says (RFC 6749 section 4.1.2), read strictly. */
export type CallbackAnswer =
  | { readonly kind: 'code'; readonly code: string }
  /** Also state alone: how stitch.money reports a user who quit (seed document S3). */
  | { readonly kind: 'declined' }
  | { readonly kind: 'error'; readonly error: string };

export interface CallbackQuery {
  readonly state: string | undefined;
  readonly issuer: string | undefined;
  readonly answer: CallbackAnswer;
}

/** Parameters that may come at most once (RFC 6749 section 3.1). */
const SINGLE = ['state', 'code', 'error', 'iss', 'scope', 'session_state'];
/** What the vault itself makes: 256 random bits in base64url. */
const STATE = /^[A-Za-z0-9_-]{43}$/;
/** VSCHAR of RFC 6749 appendix A.11, of a sensible length. */
const CODE = /^[\x21-\x7e]{1,4096}$/;

/**
 * Reads the query of a callback.
 *
 * @param query without the leading question mark
 * @returns undefined when it is malformed: nothing is to be done with it
 */
export function parseCallbackQuery(query: string): CallbackQuery | undefined {
  const parameters = new URLSearchParams(query);
  if (SINGLE.some((name) => parameters.getAll(name).length > 1)) return undefined;
  const state = parameters.get('state') ?? undefined;
  if (state !== undefined && !STATE.test(state)) return undefined;
  const answer = readAnswer(parameters);
  return answer && { state, issuer: parameters.get('iss') ?? undefined, answer };
}

function readAnswer(parameters: URLSearchParams): CallbackAnswer | undefined {
  const code = parameters.get('code');
  const error = parameters.get('error');
  if (code !== null && error !== null) return undefined;
  if (code !== null) return CODE.test(code) ? { kind: 'code', code } : undefined;
  if (error === null || error === 'access_denied') return { kind: 'declined' };
  return { kind: 'error', error: /^[a-z_]{1,64}$/.test(error) ? error : 'unrecognised_error' };
}
