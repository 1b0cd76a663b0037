import { createHash } from 'node:crypto';

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
/**
 * A parameter that a code or an error came to be by mistake: `&` written as `&amp;`, a second `?`.
 * An answer that has one said something, and was mangled on its way.
 */
const MANGLED = /[^a-z_](code|error)$/i;
/** What the vault itself makes: 256 random bits in base64url. */
const STATE = /^[A-Za-z0-9_-]{43}$/;
/** VSCHAR of RFC 6749 appendix A.11, of a sensible length. */
const CODE = /^[\x21-\x7e]{1,4096}$/;

/**
 * What tells one answer of a provider from any other, for keeping.
 *
 * @returns null where nothing does: a refusal that names no request
 */
export function answerHash(
  provider: string,
  state: string | undefined,
  answer: CallbackAnswer,
): Buffer | null {
  const code = answer.kind === 'code' ? answer.code : '';
  if (state === undefined && code === '') return null;
  const error = answer.kind === 'error' ? answer.error : '';
  const text = JSON.stringify([provider, state ?? '', answer.kind, code, error]);
  return createHash('sha256').update(text).digest();
}

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
  if ([...parameters.keys()].some((name) => MANGLED.test(name))) return undefined;
  const answer = readAnswer(parameters, state);
  return answer && { state, issuer: parameters.get('iss') ?? undefined, answer };
}

function readAnswer(
  parameters: URLSearchParams,
  state: string | undefined,
): CallbackAnswer | undefined {
  const code = parameters.get('code');
  const error = parameters.get('error');
  if (code !== null && error !== null) return undefined;
  if (code !== null) return CODE.test(code) ? { kind: 'code', code } : undefined;
  // An answer that says nothing at all is none.
  if (error === null) return state === undefined ? undefined : { kind: 'declined' };
  if (error === 'access_denied') return { kind: 'declined' };
  return { kind: 'error', error: /^[a-z_]{1,64}$/.test(error) ? error : 'unrecognised_error' };
}
