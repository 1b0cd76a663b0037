export { AuditLog } from './audit-log.js';
export {
  AUDIT_KEY_TABLE,
  AuditKeyMissingError,
  AuditKeyStore,
  vouchingKey,
} from './audit-keys.store.js';
export type { AuditKey } from './audit-mac.js';
export { ofOperator } from './audit-event.js';
export type { Countable, Tally } from './audit-sums.js';
export { AuditTrail } from './audit-trail.js';
export { toAuditPage } from './audit.dto.js';
export { AuditModule } from './audit.module.js';
export { AuditStore, OPENING_LOCK as TAKE_OVER_LOCK } from './audit.store.js';
export { AuditVerifier, UnknownHeadError } from './audit-verifier.js';
export { ChainWriter } from './chain-writer.js';
