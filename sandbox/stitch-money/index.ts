import { randomUUID } from 'node:crypto';
import { answerConsentPage } from '../common/consent-client.js';
import { addControls } from '../common/controls.js';
import { IssuedSecrets } from '../common/secrets.js';
import type { IssuedSecret } from '../common/secrets.js';
import { createServer, listen } from '../common/server.js';
import { addDiscovery, addGraphql, addRevocation } from './api.js';
import { addAuthorize } from './authorize.js';
import { Codes } from './codes.js';
import { Grants } from './grants.js';
import { addDemoApp } from './demo-app.js';
import { addHomePage } from './home-page.js';
import { saveGrants } from './saved-grants.js';
import type { SavedGrants } from './saved-grants.js';
import { StitchMoneyStats } from './stats.js';
import { defaultSwitches, switchRules } from './switches.js';
import type { StitchMoneySwitches } from './switches.js';
import { addTokenEndpoint } from './token-endpoint.js';

export interface StitchMoneyOptions {
  /** 0, the default: any free port. */
  port?: number;
  clientId?: string;
  /** Every accepted one. */
  clientSecrets?: string[];
  redirectUris?: string[];
  /** The app's name on the consent page. */
  appName?: string;
  switches?: Partial<StitchMoneySwitches>;
  /** Grants of an earlier run, from `save()`. */
  saved?: SavedGrants;
  /** Called after every change worth saving. */
  onChange?: () => void;
  /** Milliseconds since 1970; tests pass their own clock. */
  now?: () => number;
  random?: () => number;
  /** Whether `issued` fills up; off for benchmarks. Default true. */
  recordIssued?: boolean;
}

export interface ConsentChoice {
  /** Scopes the user unticks. */
  untick?: readonly string[];
  cancel?: boolean;
  /** A short name from the page's list; default `fnb`. */
  bank?: string;
  /** Who signs in; the same one at the same bank has the same `sub`. */
  customer?: string;
}

export interface MintOptions {
  /** Space-separated or a list; default: everything S3 names. */
  scope?: string | readonly string[];
  sub?: string;
}

export interface MintedGrant {
  accessToken: string;
  /** '' when the scope lacks `offline_access`. */
  refreshToken: string;
  expiresIn: number;
  sub: string;
  scope: string;
}

export interface StitchMoneySandbox {
  /** Base of every endpoint, and the issuer; no trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly clientId: string;
  /** The first of the accepted secrets. */
  readonly clientSecret: string;
  /** Accepted secrets; may be changed while it runs. */
  readonly clientSecrets: string[];
  /** Registered redirect URIs; may be changed while it runs. */
  readonly redirectUris: string[];
  readonly switches: StitchMoneySwitches;
  readonly stats: StitchMoneyStats;
  /** Every secret issued or shown to the server so far. */
  readonly issued: readonly IssuedSecret[];
  /** Answers the consent page over HTTP and returns the callback URL without going there. */
  consent(authorizationUrl: string, choice?: ConsentChoice): Promise<string>;
  /** A grant without a browser. */
  mint(options?: MintOptions): MintedGrant;
  /** Whether the API would accept this access token now. */
  isLive(accessToken: string): boolean;
  /** What the user does at the bank: ends the grant that this token, of either kind, is of. */
  revokeGrantOf(token: string): boolean;
  /** Switches and counts as at the start; grants stay. */
  reset(): void;
  save(): SavedGrants;
  close(): Promise<void>;
}

const EVERY_SCOPE = 'openid accounts balances transactions accountholders offline_access';

/** Starts a strict local stitch.money on 127.0.0.1. @throws EADDRINUSE when the port is taken. */
export async function startStitchMoney(
  options: StitchMoneyOptions = {},
): Promise<StitchMoneySandbox> {
  const {
    clientId = 'test-sandbox-client',
    clientSecrets = ['sandbox-client-secret'],
    redirectUris = ['http://127.0.0.1:3001/callback/stitch-money'],
    appName = 'Stitch token vault',
    now = Date.now,
    random = Math.random,
    onChange: changed = () => undefined,
  } = options;
  const switches = { ...defaultSwitches(), ...options.switches };
  const issued = new IssuedSecrets(options.recordIssued ?? true);
  const stats: StitchMoneyStats = new StitchMoneyStats(() => grants.countLive());
  const grants = new Grants({ switches, stats, issued, now, changed });
  if (options.saved) grants.load(options.saved);
  let url = '';
  const server = {
    ...{ appName, clientId, clientSecrets, redirectUris, switches, stats, issued, grants },
    ...{ now, random, codes: new Codes(now), issuer: () => url },
  };
  const reset = () => {
    Object.assign(switches, defaultSwitches(), options.switches);
    stats.reset();
  };

  const app = await createServer(() => switches.down);
  addControls(app, { switches, rules: switchRules, snapshot: () => stats.snapshot(), reset });
  addHomePage(app, server);
  addDemoApp(app);
  addAuthorize(app, server);
  addTokenEndpoint(app, server);
  addRevocation(app, server);
  addGraphql(app, server);
  addDiscovery(app, server);
  url = await listen(app, options.port ?? 0);

  return {
    ...{ url, port: Number(new URL(url).port), clientId, clientSecrets, redirectUris },
    ...{ switches, stats, issued: issued.list, reset },
    get clientSecret() {
      return clientSecrets[0] ?? '';
    },
    consent: (authorizationUrl, choice = {}) =>
      answerConsentPage(authorizationUrl, (fields) => {
        decide(fields, choice);
      }),
    mint: ({ scope = EVERY_SCOPE, sub = `user/${clientId}/fnb/${randomUUID()}` } = {}) => {
      const list = typeof scope === 'string' ? scope.split(' ') : scope;
      const authTime = Math.floor(now() / 1000);
      const tokens = grants.start({ clientId, sub, scope: list, authTime });
      const { accessToken, refreshToken = '', expiresIn } = tokens;
      return { accessToken, refreshToken, expiresIn, sub, scope: list.join(' ') };
    },
    isLive: (accessToken) => grants.familyOf(accessToken) !== undefined,
    revokeGrantOf: (token) => {
      const family = grants.ownerOf(token);
      if (family) grants.revoke(family);
      return family !== undefined;
    },
    save: () => saveGrants(grants),
    close: () => app.close(),
  };
}

function decide(fields: URLSearchParams, choice: ConsentChoice): void {
  fields.set('bank', choice.bank ?? 'fnb');
  fields.set('decision', choice.cancel === true ? 'cancel' : 'grant');
  if (choice.customer !== undefined) fields.set('customer', choice.customer);
  for (const scope of choice.untick ?? []) fields.delete('scope', scope);
}
