export { ConsentHistory } from './consent-history.store.js';
export { alive, neededTtl, rejected, remaining } from './freshness.js';
export { GrantCache } from './grant-cache.js';
export { GrantLinker } from './grant-linker.js';
export { GrantRefresher } from './grant-refresher.js';
export type { RefreshDemand, RefreshOutcome } from './grant-refresher.js';
export { GrantEntity } from './grant.entity.js';
export { GRANT_STATUSES, grantKeyText } from './grant.js';
export type { Grant, GrantKey, GrantStatus } from './grant.js';
export { GrantStore } from './grant.store.js';
export type { NewGrant } from './grant.store.js';
export { OperatorStore } from './operator.store.js';
export type { ImportCounts, ImportedGrant } from './operator.store.js';
export { fromCursor, toCursor, toGrantDto } from './grants.dto.js';
export { ReadTracker } from './read-tracker.js';
export { refreshDueAt } from './refresh-due.js';
export { RevocationEntity } from './revocation.entity.js';
export { RevocationStore } from './revocation.store.js';
export type { Revocation } from './revocation.store.js';
export type {
  ClaimedGrant,
  CommitAttempt,
  CommitOutcome,
  FailedAttempt,
  Lease,
  RotationResult,
} from './rotation-result.js';
export { RotationStore } from './rotation.store.js';
export { TokenReader } from './token-reader.service.js';
export { TokenSealer } from './token-sealer.js';
export { TokensModule } from './tokens.module.js';
export { UnconfirmedStore } from './unconfirmed.store.js';
export type { UnconfirmedGrant } from './unconfirmed.store.js';
