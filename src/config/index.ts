export type { ConfigType } from '@nestjs/config';
export { auditConfig } from './audit.config.js';
export { callersConfig } from './callers.config.js';
export type { CallersConfig, JwtConfig } from './callers.config.js';
export { ConfigModule } from './config.module.js';
export type { DatabaseTls } from './database-tls.js';
export { databaseConfig } from './database.config.js';
export type { ConnectionConfig } from './database.config.js';
export { ConfigurationError } from './environment-reader.js';
export type { Environment } from './environment-reader.js';
export { eventsConfig } from './events.config.js';
export type { WebhookConfig } from './events.config.js';
export { inspectEnvironment } from './inspect-environment.js';
export type { InspectedEnvironment } from './inspect-environment.js';
export { cacheConfig } from './cache.config.js';
export { journalConfig } from './journal.config.js';
export { linksConfig } from './links.config.js';
export { listenersConfig } from './listeners.config.js';
export type { ListenerConfig, ListenersConfig, PublicListenerConfig } from './listeners.config.js';
export {
  loadConfig,
  loadDatabaseConfig,
  loadRereadConfig,
  loadSealingConfig,
} from './load-config.js';
export type { SealingConfig } from './load-config.js';
export type * from './oauth-provider-config.js';
export { outboundConfig } from './outbound.config.js';
export type { ProxyConfig, ProxyServer } from './outbound.config.js';
export { isScopeToken, isServiceUrl } from './parsers.js';
export { providersConfig } from './providers.config.js';
export type { ProvidersConfig } from './providers.config.js';
export type { StitchConnectConfig, StitchMoneyConfig } from './read-providers.js';
export { refreshConfig } from './refresh.config.js';
export type { RefreshPolicyName } from './refresh.config.js';
export { tracingConfig } from './tracing.config.js';
export type { CollectorConfig, SamplerConfig } from './tracing.config.js';
export type { VaultConfig } from './vault-config.js';
