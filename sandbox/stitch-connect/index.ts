import { answerConsentPage } from '../common/consent-client.js';
import { addControls } from '../common/controls.js';
import { IssuedSecrets, hashOf } from '../common/secrets.js';
import type { IssuedSecret } from '../common/secrets.js';
import { createServer, listen } from '../common/server.js';
import { Accounts } from './accounts.js';
import type { Person, SavedAccounts } from './accounts.js';
import { addApi } from './api.js';
import { addAuthorization } from './authorization.js';
import { addAccountPage, addHomePage } from './pages.js';
import { StitchConnectStats } from './stats.js';
import { defaultSwitches, switchRules } from './switches.js';
import type { StitchConnectSwitches } from './switches.js';

export interface StitchConnectOptions {
  /** 0, the default: any free port. */
  port?: number;
  partnerId?: string;
  /** Every accepted one. */
  partnerSecrets?: string[];
  /** The first one is used when a request names none (S1). */
  redirectUris?: string[];
  /** The app's name on the consent page. */
  appName?: string;
  switches?: Partial<StitchConnectSwitches>;
  /** Accounts of an earlier run, from `save()`. */
  saved?: SavedAccounts;
  /** Called after every change worth saving. */
  onChange?: () => void;
  /** Milliseconds since 1970; tests pass their own clock. */
  now?: () => number;
  random?: () => number;
  /** Whether `issued` fills up. Default true. */
  recordIssued?: boolean;
}

export interface AccountChoice extends Partial<Person> {
  /** The user rejects. */
  cancel?: boolean;
}

export interface StitchConnectSandbox {
  /** Base of both the API and the app; no trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly partnerId: string;
  /** The first of the accepted secrets. */
  readonly partnerSecret: string;
  /** Accepted secrets; may be changed while it runs. */
  readonly partnerSecrets: string[];
  /** Registered redirect URIs; may be changed while it runs. */
  readonly redirectUris: string[];
  readonly switches: StitchConnectSwitches;
  readonly stats: StitchConnectStats;
  /** Every secret issued so far. */
  readonly issued: readonly IssuedSecret[];
  /** Answers the consent page over HTTP and returns the callback URL without going there. */
  consent(authorizationUrl: string, choice?: AccountChoice): Promise<string>;
  /** A token without a browser; a new account unless one has that address. */
  mint(person?: Partial<Person>): { accessToken: string; stitchAccountId: number };
  isLive(accessToken: string): boolean;
  isEphemeralLive(ephemeralToken: string): boolean;
  /** What the user does on the account page; false when there is no such token. */
  revokeToken(accessToken: string): boolean;
  enableToken(accessToken: string): boolean;
  /** Switches and counts as at the start; accounts stay. */
  reset(): void;
  save(): SavedAccounts;
  close(): Promise<void>;
}

/** Starts a strict local stitchdata.com on 127.0.0.1. @throws EADDRINUSE when the port is taken. */
export async function startStitchConnect(
  options: StitchConnectOptions = {},
): Promise<StitchConnectSandbox> {
  const {
    partnerId = 'oc_sandbox_partner',
    partnerSecrets = ['oc_sandbox_partner_secret'],
    redirectUris = ['http://127.0.0.1:3001/callback/stitch-connect'],
    appName = 'Stitch token vault',
    now = Date.now,
    random = Math.random,
    onChange: changed = () => undefined,
  } = options;
  const switches = { ...defaultSwitches(), ...options.switches };
  const issued = new IssuedSecrets(options.recordIssued ?? true);
  const accounts = new Accounts({ issued, now, changed });
  if (options.saved) accounts.load(options.saved);
  const stats = new StitchConnectStats(
    () => [...accounts.tokens.values()].filter(({ revoked }) => !revoked).length,
  );
  let url = '';
  const server = {
    ...{ appName, partnerId, partnerSecrets, redirectUris, switches, stats, issued, accounts },
    ...{ now, random, url: () => url },
  };
  const reset = () => {
    Object.assign(switches, defaultSwitches(), options.switches);
    stats.reset();
  };

  const app = await createServer(() => switches.down);
  addControls(app, { switches, rules: switchRules, snapshot: () => stats.snapshot(), reset });
  addHomePage(app, server);
  addAuthorization(app, server);
  addAccountPage(app, server);
  addApi(app, server);
  url = await listen(app, options.port ?? 0);

  return {
    ...{ url, port: Number(new URL(url).port), partnerId, partnerSecrets, redirectUris },
    ...{ switches, stats, issued: issued.list, reset },
    get partnerSecret() {
      return partnerSecrets[0] ?? '';
    },
    consent: (authorizationUrl, { cancel = false, ...person } = {}) =>
      answerConsentPage(authorizationUrl, (fields) => {
        for (const [name, value] of Object.entries(person)) fields.set(name, value);
        fields.set('decision', cancel ? 'deny' : 'accept');
      }),
    mint: (person = {}) => {
      const email = person.email ?? `user${accounts.byEmail.size}@example.com`;
      const rest = { first_name: 'Demo', last_name: 'User', company: 'Example' };
      const account = accounts.find(email) ?? accounts.create({ ...rest, ...person, email });
      const { stitchAccountId } = account;
      return { accessToken: accounts.issueToken(account), stitchAccountId };
    },
    isLive: (accessToken) => accounts.live(accessToken) !== undefined,
    isEphemeralLive: (token) => accounts.isEphemeralLive(token),
    revokeToken: (token) => accounts.setRevoked(accounts.tokens.get(hashOf(token)), true),
    enableToken: (token) => accounts.setRevoked(accounts.tokens.get(hashOf(token)), false),
    save: () => accounts.save(),
    close: () => app.close(),
  };
}
