import { LOG_LEVELS } from '../common/index.js';
import { EnvironmentReader, acceptIf } from './environment-reader.js';
import type { Environment } from './environment-reader.js';
import { refuseExposedDatabase, refuseHazards, refuseUnsaidEnvironment } from './hazards.js';
import { isAppUri, isLoopback, isOrigin, parseDatabaseUrl } from './parsers.js';
import { readCallerJwt, readPublicLimits, readTls } from './read-callers.js';
import { readKeyring } from './read-keyring.js';
import { readOAuthProviders } from './read-oauth-providers.js';
import { readStitchConnect, readStitchMoney } from './read-providers.js';
import { readProxy } from './read-proxy.js';
import { readWebhook } from './read-webhook.js';
import { REFRESH_POLICIES } from './vault-config.js';
import type { DatabaseConfig, RefreshConfig, SealingConfig, VaultConfig } from './vault-config.js';

/**
 * Reads and validates the whole environment.
 *
 * @throws ConfigurationError naming every variable that is wrong or missing, never a value
 */
export function loadConfig(environment: Environment = process.env): VaultConfig {
  const reader = new EnvironmentReader(environment);
  const nodeEnv = reader.oneOf('NODE_ENV', 'development', ['development', 'test', 'production']);
  const production = nodeEnv === 'production';
  if (production) refuseHazards(reader);
  const publicPort = reader.integer('PUBLIC_PORT', 3001, 0, 65535);
  const config: VaultConfig = {
    environment: nodeEnv,
    logLevel: reader.oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
    internal: {
      host: reader.text('HOST') ?? '127.0.0.1',
      port: reader.integer('PORT', 3000, 0, 65535),
      tls: readTls(reader, ''),
    },
    public: {
      host: reader.text('PUBLIC_HOST') ?? '127.0.0.1',
      port: publicPort,
      url: readPublicUrl(reader, publicPort, production),
      tls: readTls(reader, 'PUBLIC_'),
      ...readPublicLimits(reader),
    },
    database: readDatabase(reader),
    callerJwt: readCallerJwt(reader),
    clientRequestsPerSecond: reader.integer('CLIENT_REQUESTS_PER_SECOND', 0, 1, 100_000),
    stitchMoney: readStitchMoney(reader),
    stitchConnect: readStitchConnect(reader),
    oauthProviders: readOAuthProviders(reader),
    returnUrlAllowlist: reader.list(
      'RETURN_URL_ALLOWLIST',
      'exact origins such as https://app.example.com, or exact URIs of private-use schemes, comma-separated',
      (item) => isOrigin(item) || isAppUri(item),
    ),
    linkSameBrowser: reader.oneOf('LINK_SAME_BROWSER', 'false', ['true', 'false']) === 'true',
    displayName: readDisplayName(reader),
    authorizationRequestTtl: reader.integer('AUTHORIZATION_REQUEST_TTL', 600, 1, 86_400),
    staleTrustSeconds: reader.integer('STALE_TRUST', 900, 0, 86_400),
    refresh: readRefresh(reader),
    webhook: readWebhook(reader),
    proxy: readProxy(reader),
    spoolDir: reader.text('SPOOL_DIR') ?? '.data/spool',
    commitRetention: reader.integer('COMMIT_RETENTION', 120, 0, 3600),
    auditRetentionDays: reader.integer('AUDIT_RETENTION_DAYS', 400, 1, 36_500),
    // Last, and only for an environment that is right so far: it may create a file.
    keyring: readKeyring(reader, production),
  };
  refuseUnsaidEnvironment(reader, config.database.url);
  reader.finish();
  return config;
}

/**
 * The part of the environment that operator commands need.
 *
 * @throws ConfigurationError
 */
export function loadDatabaseConfig(environment: Environment = process.env): DatabaseConfig {
  const reader = new EnvironmentReader(environment);
  const config = readDatabase(reader);
  reader.finish();
  return config;
}

/**
 * What operator commands need that store tokens. The keyring is never made up here: it has to be
 * the vault's own.
 *
 * @throws ConfigurationError
 */
export function loadSealingConfig(environment: Environment = process.env): SealingConfig {
  const reader = new EnvironmentReader(environment);
  const config = {
    database: readDatabase(reader),
    keyring: readKeyring(reader, true),
    lead: readRefresh(reader).lead,
  };
  reader.finish();
  return config;
}

function readDatabase(reader: EnvironmentReader): DatabaseConfig {
  const expected = 'a PostgreSQL URL, postgres://user:password@host:port/database';
  const before = reader.problemCount;
  const url = reader.parse('DATABASE_URL', expected, '', parseDatabaseUrl);
  if (!url && reader.problemCount === before) reader.refuse('DATABASE_URL', expected);
  refuseExposedDatabase(reader, url);
  return { url, poolSize: reader.integer('DATABASE_POOL_SIZE', 10, 2, 200) };
}

function readPublicUrl(reader: EnvironmentReader, port: number, production: boolean): string {
  const before = reader.problemCount;
  const expected = production
    ? 'the https URL at which browsers reach the public listener'
    : 'the URL at which browsers reach the public listener';
  const url = reader.parse('PUBLIC_URL', expected, '', (text) => {
    const parsed = new URL(text);
    const plain = parsed.protocol === 'http:' && (!production || isLoopback(parsed));
    acceptIf(parsed, parsed.protocol === 'https:' || plain);
    return acceptIf(text, !parsed.search && !parsed.hash && !parsed.username).replace(/\/+$/, '');
  });
  if (url || reader.problemCount > before) return url;
  if (production) reader.refuse('PUBLIC_URL', expected);
  return `http://127.0.0.1:${port}`;
}

function readDisplayName(reader: EnvironmentReader): string | undefined {
  const expected = '1 to 60 visible characters, with spaces between them';
  return reader.parse<string | undefined>('DISPLAY_NAME', expected, undefined, (text) =>
    // Neither control characters nor invisible ones, which could turn the text around them.
    acceptIf(text, /^[^\p{C}\p{Zl}\p{Zp}]{1,60}$/u.test(text)),
  );
}

function readRefresh(reader: EnvironmentReader): RefreshConfig {
  const providerTimeout = reader.integer('PROVIDER_TIMEOUT', 10, 1, 120);
  return {
    policy: reader.oneOf('REFRESH_POLICY', 'all', REFRESH_POLICIES),
    activeWindow: reader.integer('REFRESH_ACTIVE_WINDOW', 86_400, 1, 31_536_000),
    lead: reader.integer('REFRESH_LEAD', 180, 1, 86_400),
    interval: reader.integer('REFRESH_INTERVAL', 5, 1, 3600),
    concurrency: reader.integer('REFRESH_CONCURRENCY', 32, 1, 1000),
    callsPerSecond: reader.integer('PROVIDER_CALLS_PER_SECOND', 0, 1, 100_000) || Infinity,
    providerTimeout,
    answerTimeout: reader.integer('ANSWER_TIMEOUT', 120, providerTimeout, 3600),
    minTtl: reader.integer('MIN_TTL', 30, 0, 3600),
  };
}
