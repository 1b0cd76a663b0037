export { ConfigModule } from './config.module.js';
export { ConfigurationError } from './environment-reader.js';
export type { Environment } from './environment-reader.js';
export { loadConfig, loadDatabaseConfig, loadSealingConfig } from './load-config.js';
export { isScopeToken, isServiceUrl } from './parsers.js';
export type * from './oauth-provider-config.js';
export type { ProxyConfig, ProxyServer } from './read-proxy.js';
export * from './vault-config.js';
