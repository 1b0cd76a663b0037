export { GrantCache } from './grant-cache.js';
export { GrantRefresher } from './grant-refresher.js';
export type { RefreshDemand, RefreshOutcome } from './grant-refresher.js';
export { ReadTracker } from './read-tracker.js';
export { TokenReader } from './token-reader.service.js';
export { TokensModule } from './tokens.module.js';
export { WarmReads } from './warm-reads.js';
