import type { FaultLimits, Latency } from '../common/faults.js';
import * as rule from '../common/switches.js';
import type { SwitchRules } from '../common/switches.js';

export const TOKEN_FAULTS = [
  'none',
  /** Does nothing and never answers. */
  'hang',
  /** Does nothing and answers with that status, with `Retry-After` when `retryAfter` is set. */
  '500',
  '503',
  '429',
  /** HTTP 400 `invalid_client`, as when the client secret has just been changed. */
  'invalid_client',
  /** Does nothing and answers 200 with a body that is cut off. */
  'malformed',
  /** The connection is cut before anything was done. */
  'drop_before',
  /** The rotation is done, then the connection is cut without an answer. */
  'drop_after',
  /** The rotation is done, and no answer ever comes. */
  'hang_after',
  /** The rotation is done, and the answer is cut off. */
  'malformed_after',
  /** The answer has no `refresh_token`; the one presented stays good (RFC 6749 section 6). */
  'no_refresh_token',
  /** The answer leaves out `expires_in` (RFC 6749 section 5.1: recommended only). */
  'no_expires_in',
  /** The answer leaves out `scope` (RFC 6749 section 5.1: optional if unchanged). */
  'no_scope',
  /** The rotation is done, and `oddMembers` take the place of the members of the answer. */
  'odd_members',
] as const;
export type TokenFault = (typeof TOKEN_FAULTS)[number];

export const ID_TOKEN_FAULTS = [
  'none',
  'wrong_nonce',
  'wrong_issuer',
  'wrong_audience',
  /** The one audience is right, and `azp` names another client. */
  'wrong_authorized_party',
  'bad_signature',
  /** Names another user than the consent did. */
  'wrong_subject',
  'bad_at_hash',
  'expired',
  /** Unsigned: `alg` is `none` (RFC 7518 section 3.6). */
  'alg_none',
  /** No id_token at all. */
  'missing',
] as const;
export type IdTokenFault = (typeof ID_TOKEN_FAULTS)[number];

export type TokenCall = 'refresh' | 'code' | 'client';

export interface StitchMoneySwitches extends FaultLimits<TokenCall> {
  /** Seconds an access token lives; S3: 900. */
  tokenLifetime: number;
  /** Seconds for which a used refresh token still gets a fresh answer. None is published. */
  graceSeconds: number;
  /** Whether a used refresh token, seen outside the grace, ends every token of its grant. */
  revokeOnReuse: boolean;
  /** Whether an attempt with a wrong client secret uses a code up. Not published. */
  burnCodeOnBadClient: boolean;
  /** Whether a refresh is answered with an id_token too; signing it is the dear part. */
  idTokenOnRefresh: boolean;
  /** Milliseconds by which token, revocation and API calls are held back. */
  latencyMs: Latency;
  tokenFault: TokenFault;
  oddMembers: Record<string, unknown>;
  idTokenFault: IdTokenFault;
  /** `Retry-After` of a 429, 500 or 503. */
  retryAfter: number | string | null;
  revocationFault: 'none' | '500';
  /** Put into the redirect as `error` when the user cancels. S3: `state` comes back alone. */
  cancelError: string | null;
  /** Every connection is cut. */
  down: boolean;
}

/** The published behaviour, without faults. */
export function defaultSwitches(): StitchMoneySwitches {
  return {
    tokenLifetime: 900,
    graceSeconds: 0,
    revokeOnReuse: true,
    burnCodeOnBadClient: false,
    idTokenOnRefresh: true,
    latencyMs: 0,
    tokenFault: 'none',
    oddMembers: {},
    faultOn: 'refresh',
    faultRate: 1,
    faultCount: null,
    idTokenFault: 'none',
    retryAfter: null,
    revocationFault: 'none',
    cancelError: null,
    down: false,
  };
}

export const switchRules: SwitchRules<StitchMoneySwitches> = {
  tokenLifetime: rule.seconds,
  graceSeconds: rule.seconds,
  revokeOnReuse: rule.flag,
  burnCodeOnBadClient: rule.flag,
  idTokenOnRefresh: rule.flag,
  latencyMs: rule.latency,
  tokenFault: rule.oneOf(TOKEN_FAULTS),
  oddMembers: rule.members,
  faultOn: rule.oneOf(['refresh', 'code', 'client', 'all']),
  faultRate: rule.rate,
  faultCount: rule.countOrNull,
  idTokenFault: rule.oneOf(ID_TOKEN_FAULTS),
  retryAfter: rule.headerOrNull,
  revocationFault: rule.oneOf(['none', '500']),
  cancelError: rule.textOrNull,
  down: rule.flag,
};
