import type { FaultLimits, Latency } from '../common/faults.js';
import * as rule from '../common/switches.js';
import type { SwitchRules } from '../common/switches.js';

export const CONNECT_FAULTS = [
  'none',
  /** Does nothing and never answers. */
  'hang',
  /** Does nothing and answers with that status, with `Retry-After` when `retryAfter` is set. */
  '400',
  '401',
  '403',
  '429',
  '500',
  '503',
  /** Does nothing and answers 200 with a body that is cut off. */
  'malformed',
  /** The connection is cut before anything was done. */
  'drop_before',
  /** The work is done, then the connection is cut without an answer. */
  'drop_after',
  /** The work is done, and no answer ever comes. */
  'hang_after',
] as const;
export type ConnectFault = (typeof CONNECT_FAULTS)[number];

/** POST /oauth/token, POST /v3/accounts, POST /v3/sessions/ephemeral, GET /v4/sources. */
export type ConnectCall = 'token' | 'accounts' | 'sessions' | 'sources';

export interface StitchConnectSwitches extends FaultLimits<ConnectCall> {
  fault: ConnectFault;
  retryAfter: number | string | null;
  /** Milliseconds by which API calls are held back. */
  latencyMs: Latency;
  /** Whether POST /v3/accounts insists on `region` (P: needed today; S0 does not have it). */
  regionRequired: boolean;
  /** Every connection is cut. */
  down: boolean;
}

/** The published behaviour, without faults. */
export function defaultSwitches(): StitchConnectSwitches {
  return {
    fault: 'none',
    faultOn: 'all',
    faultRate: 1,
    faultCount: null,
    retryAfter: null,
    latencyMs: 0,
    regionRequired: false,
    down: false,
  };
}

export const switchRules: SwitchRules<StitchConnectSwitches> = {
  fault: rule.oneOf(CONNECT_FAULTS),
  faultOn: rule.oneOf(['token', 'accounts', 'sessions', 'sources', 'all']),
  faultRate: rule.rate,
  faultCount: rule.countOrNull,
  retryAfter: rule.headerOrNull,
  latencyMs: rule.latency,
  regionRequired: rule.flag,
  down: rule.flag,
};
