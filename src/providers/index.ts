export { Breaker } from './breaker.js';
export { ConcurrencyLimit } from './concurrency-limit.js';
export { ProviderError } from './provider-error.js';
export { ProviderRegistry } from './provider-registry.js';
export type { GuardedProvider } from './provider-registry.js';
export { ProvidersModule } from './providers.module.js';
export { StitchConnectProvider } from './stitch-connect/stitch-connect.provider.js';
export type { AccountRefusal, NewAccount } from './stitch-connect/stitch-connect.provider.js';
export type * from './token-provider.js';
