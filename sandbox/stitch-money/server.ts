import type { IssuedSecrets } from '../common/secrets.js';
import type { Codes } from './codes.js';
import type { Grants } from './grants.js';
import type { StitchMoneyStats } from './stats.js';
import type { StitchMoneySwitches } from './switches.js';

/** What the endpoints share. */
export interface Server {
  readonly appName: string;
  readonly clientId: string;
  readonly clientSecrets: readonly string[];
  readonly redirectUris: readonly string[];
  readonly switches: StitchMoneySwitches;
  readonly stats: StitchMoneyStats;
  readonly issued: IssuedSecrets;
  readonly grants: Grants;
  readonly codes: Codes;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** 0 up to, not including, 1. */
  readonly random: () => number;
  /** The issuer: where this server listens. */
  readonly issuer: () => string;
}
