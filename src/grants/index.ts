export { CAUTION_FROM, SUSPICIOUS, cautionLeft } from './caution.js';
export type { Caution } from './caution.js';
export { ConsentHistory } from './consent-history.store.js';
export { DeadTokens } from './dead-tokens.js';
export { alive, fresh, judged, neededTtl, rejected, remaining } from './freshness.js';
export { EndingStore } from './ending.store.js';
export { SCOPES } from './grant.columns.js';
export { EVERY_ROW } from './grant-authenticity.js';
export { GrantLinker } from './grant-linker.js';
export { GRANT_STATUSES, grantKeyText } from './grant.js';
export type { Grant, GrantKey, GrantStatus } from './grant.js';
export { GrantScheduleStore } from './grant-schedule.store.js';
export { GrantStore } from './grant.store.js';
export type { NewGrant } from './new-grant.js';
export { GrantDto, toGrantDto, fromCursor, toCursor } from './grants.dto.js';
export { GrantsModule } from './grants.module.js';
export { HeldStore } from './held.store.js';
export type { HeldGrant } from './held.store.js';
export { GrantMemory } from './grant-memory.js';
export { RestoreStore } from './restore.store.js';
export type { GrantVersion, LeasedGrant, RememberedGrant } from './restore.store.js';
export { OperatorStore } from './operator.store.js';
export type { ImportCounts, ImportedGrant } from './operator.store.js';
export { PendingConsents } from './pending-consents.js';
export { refreshDueAt } from './refresh-due.js';
export { RevocationOutbox } from './revocation-outbox.js';
export type { RevocableToken } from './revocation-outbox.js';
export type {
  ClaimedGrant,
  CommitAttempt,
  CommitOutcome,
  FailedAttempt,
  HeldAnswer,
  Lease,
  Retirement,
  RotationResult,
} from './rotation-result.js';
export { ProviderTrustStore } from './provider-trust.store.js';
export { RotationStore } from './rotation.store.js';
export { GRANT_TABLES, contextOfRow } from './sealed-tables.js';
export { SharedConsents } from './shared-consents.js';
export { TokenSealer, consentOf } from './token-sealer.js';
export type { Consent } from './token-sealer.js';
export { UnconfirmedStore } from './unconfirmed.store.js';
export { UserGrantsStore } from './user-grants.store.js';
