import { AuditKeyStore, AuditStore, AuditVerifier, ChainWriter } from '../audit/index.js';
import { PendingConsentsStore } from '../authorization-requests/index.js';
import { ProcessId } from '../database/index.js';
import type { Database } from '../database/index.js';
import type { Sealer } from '../encryption/index.js';
import { GrantStore, UserGrantsStore } from '../grants/index.js';
import { RevocationStore } from '../refresher/index.js';
import type { Session } from './session.js';

/** The store of grants as a command uses it, without a vault around it. */
export const grantStoreOf = (database: Database): GrantStore =>
  new GrantStore(database, new RevocationStore(database), new PendingConsentsStore());

/** All of a user, likewise. */
export const userGrantsOf = (database: Database): UserGrantsStore =>
  new UserGrantsStore(
    database,
    new RevocationStore(database),
    new PendingConsentsStore(),
    grantStoreOf(database),
  );

/** The audit as a command uses it: a command that changes something has a chain of its own. */
export function auditOf({ database, clock }: Session, sealer: Sealer) {
  const store = new AuditStore(database);
  const keys = new AuditKeyStore(sealer, store);
  return {
    store,
    verifier: new AuditVerifier(database, store, keys),
    writer: new ChainWriter(database, store, keys, clock, new ProcessId()),
  };
}
