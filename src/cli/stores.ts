import {
  AuditKeyStore,
  AuditStore,
  AuditVerifier,
  ChainStore,
  ChainWriter,
  vouchingKey,
} from '../audit/index.js';
import type { AuditKey } from '../audit/index.js';
import { vouchForAll } from '../clients/index.js';
import { PendingConsentsStore } from '../authorization-requests/index.js';
import { ProcessId } from '../database/index.js';
import type { Database, Query } from '../database/index.js';
import { loadSealingConfig } from '../config/index.js';
import { Keyring, Sealer } from '../encryption/index.js';
import { EVERY_ROW, GrantStore, UserGrantsStore } from '../grants/index.js';
import { RevocationStore } from '../refresher/index.js';
import type { Session } from './session.js';

/** The store of grants as a command uses it, without a vault around it. */
export const grantStoreOf = (database: Database): GrantStore =>
  new GrantStore(database, new RevocationStore(database), new PendingConsentsStore(), EVERY_ROW);

/** All of a user, likewise. */
export const userGrantsOf = (database: Database): UserGrantsStore =>
  new UserGrantsStore(
    database,
    new RevocationStore(database),
    new PendingConsentsStore(),
    grantStoreOf(database),
    EVERY_ROW,
  );

/** The audit as a command uses it: a command that changes something has a chain of its own. */
export function auditOf({ database, clock }: Session, sealer: Sealer) {
  const store = new AuditStore(database);
  const chains = new ChainStore();
  const keys = new AuditKeyStore(sealer, chains);
  keys.onTakeOver(vouchForAll);
  return {
    store,
    verifier: new AuditVerifier(database, store, keys, clock),
    writer: new ChainWriter(database, chains, keys, clock, new ProcessId()),
  };
}

/** The key that vouches for rows, if a vault has made one: only then is the keyring needed. */
export const keyOfKeyring = (query: Query): Promise<AuditKey | undefined> =>
  vouchingKey(query, () => new Sealer(new Keyring(loadSealingConfig().keyring)));
