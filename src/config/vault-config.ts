import type { LogLevel } from '../common/index.js';
import type { KeyringEntry } from './parsers.js';

export const REFRESH_POLICIES = ['all', 'active', 'on-demand'] as const;
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
  readonly providerTimeout: number;
  readonly minTtl: number;
}

/** The environment, parsed and validated once. Every value is ready to use. */
export interface VaultConfig {
  readonly environment: 'development' | 'test' | 'production';
  readonly logLevel: LogLevel;
  readonly internal: { readonly host: string; readonly port: number };
  readonly public: { readonly host: string; readonly port: number; readonly url: string };
  readonly database: DatabaseConfig;
  readonly keyring: readonly KeyringEntry[];
  readonly stitchMoney: StitchMoneyConfig | undefined;
  readonly stitchConnect: StitchConnectConfig | undefined;
  readonly returnUrlAllowlist: readonly string[];
  /** Whose pages browsers see; undefined: they don't say. Plain text, to be escaped. */
  readonly displayName: string | undefined;
  /** Seconds. */
  readonly authorizationRequestTtl: number;
  /** How long what is in memory is believed while the database can't be asked. */
  readonly staleTrustSeconds: number;
  readonly refresh: RefreshConfig;
  /** Undefined: events are kept to be read and not sent. */
  readonly webhook: WebhookConfig | undefined;
  readonly spoolDir: string;
  /** Seconds for which an answer is remembered after its commit. */
  readonly commitRetention: number;
}

/** Injection token of {@link VaultConfig}. */
export const VAULT_CONFIG = Symbol('VaultConfig');
