import type { LogLevel } from '../common/index.js';
import type { KeyringEntry } from './parsers.js';
import type { ClientKey, OAuthProviderConfig } from './oauth-provider-config.js';
import type { ProxyConfig } from './read-proxy.js';

export const REFRESH_POLICIES = ['all', 'active', 'on-demand', 'paused'] as const;
export type RefreshPolicyName = (typeof REFRESH_POLICIES)[number];

/** How to reach PostgreSQL. The operator commands need this much and no more. */
export interface DatabaseConfig {
  readonly url: string;
  /** Connections at most, per process. */
  readonly poolSize: number;
}

/** What commands need that store tokens. */
export interface SealingConfig {
  readonly database: DatabaseConfig;
  readonly keyring: readonly KeyringEntry[];
  /** Seconds, as {@link RefreshConfig.lead}. */
  readonly lead: number;
}

/** stitch.money: an OpenID provider whose tokens rotate. */
export interface StitchMoneyConfig {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string;
  /** Unset: the id_token's signature is not checked beyond TLS. */
  readonly jwksUri: string | undefined;
  readonly clientId: string;
  /** Newest first; the others are tried when the provider refuses it. */
  readonly clientSecrets: readonly string[];
  /** Instead of a secret: signs client assertions. */
  readonly clientKey: ClientKey | undefined;
  readonly scopes: readonly string[];
}

/** stitchdata.com: permanent tokens of client accounts. */
export interface StitchConnectConfig {
  readonly apiUrl: string;
  readonly appUrl: string;
  readonly partnerId: string;
  readonly partnerSecret: string;
}

/** Where events are sent. */
export interface WebhookConfig {
  readonly url: string;
  /** `whsec_<base64>`, newest first; every one of them signs. */
  readonly secrets: readonly string[];
}

/** When tokens are rotated. All durations in seconds. */
export interface RefreshConfig {
  readonly policy: RefreshPolicyName;
  readonly activeWindow: number;
  readonly lead: number;
  readonly interval: number;
  readonly concurrency: number;
  /** Calls per second to one provider, per process; Infinity for no ceiling. */
  readonly callsPerSecond: number;
  /** How long a reader waits for one provider call. */
  readonly providerTimeout: number;
  /** How long the answer to a refresh is listened for; at least {@link providerTimeout}. */
  readonly answerTimeout: number;
  readonly minTtl: number;
}

/** Where a listener's certificate, its key and the CA of client certificates are. */
export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** Undefined: client certificates say nothing. */
  readonly clientCaFile: string | undefined;
}

/** One of the two listeners. */
export interface ListenerConfig {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls: TlsConfig | undefined;
}

/** What only the listener for browsers has. */
export interface PublicConfig {
  readonly url: string;
  /** Requests a second for each address; 0: no ceiling. */
  readonly requestsPerSecond: number;
  /** CIDRs of the proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
}

/** Whose JWTs callers may present. */
export interface JwtConfig {
  /** Compared letter by letter with `iss`. */
  readonly issuer: string;
  readonly audience: string;
  /** Undefined: the one that the issuer's metadata names. */
  readonly jwksUri: string | undefined;
}

/** The environment, parsed and validated once. Every value is ready to use. */
export interface VaultConfig {
  readonly environment: 'development' | 'test' | 'production';
  readonly logLevel: LogLevel;
  readonly internal: ListenerConfig;
  readonly public: ListenerConfig & PublicConfig;
  readonly database: DatabaseConfig;
  readonly keyring: readonly KeyringEntry[];
  /** Undefined: JWTs say nothing. */
  readonly callerJwt: JwtConfig | undefined;
  /** Requests a second for each client and process; 0: no ceiling. */
  readonly clientRequestsPerSecond: number;
  readonly stitchMoney: StitchMoneyConfig | undefined;
  readonly stitchConnect: StitchConnectConfig | undefined;
  /** Those of `OAUTH_PROVIDERS_FILE`. */
  readonly oauthProviders: readonly OAuthProviderConfig[];
  /** Origins, and URIs of apps' own schemes. */
  readonly returnUrlAllowlist: readonly string[];
  /** Whose pages browsers see; undefined: they don't say. Plain text, to be escaped. */
  readonly displayName: string | undefined;
  /** Whether every link has to end in a browser that began it. */
  readonly linkSameBrowser: boolean;
  /** Seconds. */
  readonly authorizationRequestTtl: number;
  /** How long what is in memory is believed while the database can't be asked. */
  readonly staleTrustSeconds: number;
  readonly refresh: RefreshConfig;
  /** Undefined: events are kept to be read and not sent. */
  readonly webhook: WebhookConfig | undefined;
  /** Which way calls to providers and to the webhook's receiver go. */
  readonly proxy: ProxyConfig;
  readonly spoolDir: string;
  /** Seconds for which an answer is remembered after its commit. */
  readonly commitRetention: number;
  /** Days for which the audit is kept. */
  readonly auditRetentionDays: number;
}

/** Injection token of {@link VaultConfig}. */
export const VAULT_CONFIG = Symbol('VaultConfig');
