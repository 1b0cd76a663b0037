import { PendingConsentsStore } from '../../src/authorization-requests/index.js';
import { parseKeyring } from '../../src/config/parsers.js';
import type { Database } from '../../src/database/index.js';
import { Keyring, Sealer } from '../../src/encryption/index.js';
import {
  EVERY_ROW,
  GrantScheduleStore,
  GrantStore,
  ProviderTrustStore,
  RestoreStore,
  RotationStore,
  TokenSealer,
  UnconfirmedStore,
  UserGrantsStore,
} from '../../src/grants/index.js';
import { RevocationStore } from '../../src/refresher/index.js';
import { TEST_KEYRING } from './vault.js';

const SEALER = new TokenSealer(new Sealer(new Keyring(parseKeyring(TEST_KEYRING))));

/** The stores of one database, put together as the vault's modules do. */
export function storesOf(database: Database) {
  const revocations = new RevocationStore(database);
  const pendingConsents = new PendingConsentsStore();
  const grants = new GrantStore(database, revocations, pendingConsents, EVERY_ROW);
  return {
    grants,
    dueTimes: new GrantScheduleStore(database),
    revocations,
    rotations: new RotationStore(database, revocations),
    trust: new ProviderTrustStore(database),
    restoring: new RestoreStore(database, revocations),
    users: new UserGrantsStore(database, revocations, pendingConsents, grants, EVERY_ROW),
    unconfirmed: new UnconfirmedStore(grants, revocations, pendingConsents, SEALER),
  };
}
