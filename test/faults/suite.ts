import type { Scenario } from './scenario.js';
import {
  databaseFrozen,
  databaseInHand,
  databaseKilled,
  databaseStopped,
} from './scenarios/database-outages.js';
import { auditedReads } from './scenarios/audited-reads.js';
import { backlog } from './scenarios/backlog.js';
import { failovers } from './scenarios/failover.js';
import { frozen } from './scenarios/frozen.js';
import { killsWithGrace, killsWithoutGrace } from './scenarios/kills.js';
import { patroni } from './scenarios/patroni.js';
import { pooler } from './scenarios/pooler.js';
import { providerOutages } from './scenarios/provider-outages.js';
import { refusedWrites } from './scenarios/refused-writes.js';
import { restores } from './scenarios/restore.js';
import { rewrapping } from './scenarios/rewrapping.js';
import { skewedClocks } from './scenarios/skewed-clocks.js';
import { slowClients } from './scenarios/slow-clients.js';
import { spoolEntries } from './scenarios/spool-entries.js';
import { stampede } from './scenarios/stampede.js';
import { steppingClock } from './scenarios/stepping-clock.js';
import { systematicFaults } from './scenarios/systematic-faults.js';
import { terminations } from './scenarios/terminations.js';
import { upgrade } from './scenarios/upgrade.js';

/** In the order in which they are run. */
export const scenarios: readonly Scenario[] = [
  stampede,
  killsWithGrace,
  killsWithoutGrace,
  terminations,
  upgrade,
  databaseStopped,
  databaseInHand,
  databaseKilled,
  databaseFrozen,
  frozen,
  failovers,
  restores,
  patroni,
  refusedWrites,
  steppingClock,
  providerOutages,
  backlog,
  skewedClocks,
  pooler,
  slowClients,
  spoolEntries,
  systematicFaults,
  rewrapping,
  auditedReads,
];
