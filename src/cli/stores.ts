import { PendingConsentsStore } from '../authorization-requests/index.js';
import type { Database } from '../database/index.js';
import { GrantStore } from '../grants/index.js';
import { RevocationStore } from '../refresher/index.js';

/** The store of grants as a command uses it, without a vault around it. */
export const grantStoreOf = (database: Database): GrantStore =>
  new GrantStore(database, new RevocationStore(database), new PendingConsentsStore());
