import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { LastSeconds } from '../last-seconds.js';
import { countLost } from '../losses.js';
import { PatroniCluster, missingForPatroni } from '../patroni-cluster.js';
import { allReady } from '../readiness.js';
import { Findings, inArena, notRun, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';

const TITLE = 'Patroni, etcd, HAProxy';
/** Grants that are deleted in the last seconds. */
const DOOMED = 5;
/** Seconds that a token lives: longer than Patroni takes to replace a primary. */
const LIFETIME = 60;
/** Seconds for which a standby has got nothing any more when the primary dies. */
const FROZEN = 3;

/** One way in which another server becomes the primary. */
interface Change {
  readonly name: string;
  /** Does it, and what happens shortly before it. @returns what to do once it is over */
  happen(cluster: PatroniCluster, last: LastSeconds): Promise<(() => void) | undefined>;
}

const CHANGES: readonly Change[] = [
  {
    name: 'planned switchover',
    happen: async (cluster, last) => {
      const [primary, standby] = await cluster.byRole();
      await last.happen();
      await primary.handOver(standby);
      return undefined;
    },
  },
  {
    name: 'kill -9 of the primary',
    happen: async (cluster, last) => {
      const [primary] = await cluster.byRole();
      await last.happen();
      await primary.kill();
      return undefined;
    },
  },
  {
    name: 'primary cut off from etcd',
    happen: async (cluster, last) => {
      const [primary] = await cluster.byRole();
      await last.happen();
      // It goes on as the primary until it has noticed.
      primary.cutFromEtcd();
      return () => {
        primary.reachEtcd();
      };
    },
  },
  {
    name: 'replication frozen, then kill -9',
    happen: async (cluster, last) => {
      const [primary] = await cluster.byRole();
      await primary.freezeReplication();
      const until = Date.now() + FROZEN * 1000;
      await last.happen();
      await sleep(Math.max(0, until - Date.now()));
      await primary.kill();
      return undefined;
    },
  },
];

const nameOf = (change: Change, synchronous: boolean) =>
  `${change.name}, ${synchronous ? 'synchronous' : 'asynchronous'}`;

async function takeover(
  site: Site,
  change: Change,
  synchronous: boolean,
  quick: boolean,
): Promise<Outcome> {
  const everyone = users(quick ? 40 : 150);
  const name = nameOf(change, synchronous);
  const trials = `${everyone.length} grants of ${LIFETIME} s, grace 0`;
  const found = new Findings(`Patroni: ${name}`, trials);
  const place = name.replaceAll(/[^a-z0-9]+/g, '-');
  const cluster = await PatroniCluster.start(site.directory, place, synchronous);
  try {
    const arena = await Arena.open(await site.on(cluster), {
      name: `patroni-${place}`,
      replicas: 2,
      switches: { tokenLifetime: LIFETIME },
      databaseUrl: (database) => `postgres://vault_app@127.0.0.1:${cluster.port}/${database}`,
    });
    await cluster.run(readFileSync('deploy/postgres/vault-role.sql', 'utf8'), arena.database);
    for (const wire of arena.wires) wire.answerDelay = [20, 400];
    return await inArena(arena, () => run(arena, found, { cluster, change, everyone }));
  } finally {
    await cluster.stop();
  }
}

interface Stage {
  readonly cluster: PatroniCluster;
  readonly change: Change;
  readonly everyone: readonly string[];
}

async function run(arena: Arena, found: Findings, stage: Stage): Promise<Outcome> {
  const { cluster, change, everyone } = stage;
  await arena.start();
  // Some are due at any time, from shortly before the change to long after it.
  const seeding = { lifetime: LIFETIME, age: () => 20 };
  await arena.seed({ ...seeding, users: everyone, due: (i) => 1 + (i % 60) / 2 });
  const doomed = users(DOOMED).map((user) => `doomed-${user}`);
  await arena.seed({ ...seeding, users: doomed, due: (i) => 2 + i });
  const readers = arena.openReaders(8);
  readers.run(everyone, 4, 60);
  const last = await LastSeconds.prepare(arena, doomed);
  await eventually(
    'rotations go on',
    () => arena.sandbox.stats.rotations >= everyone.length / 4,
    30_000,
  );

  const [before] = await cluster.byRole();
  const begun = Date.now();
  const over = await change.happen(cluster, last);
  const taken = async () => {
    const other = cluster.nodes.find((node) => node !== before)!;
    return other.leads;
  };
  await eventually('another server is the primary', taken, 90_000);
  await eventually('both are ready again', () => allReady(arena), 60_000);
  const took = (Date.now() - begun) / 1000;
  over?.();
  await last.checkEnded(found);
  const rotated = arena.sandbox.stats.rotations;
  await eventually(
    'every grant is rotated after it',
    () => arena.sandbox.stats.rotations >= rotated + everyone.length,
    120_000,
  );
  const tally = await readers.stop();
  await arena.settle(2, 40_000);
  await last.checkLinked(found);
  await arena.stopReplicas();
  const { reuseEvents, maxPresentations } = arena.sandbox.stats;
  found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
  const back = arena.replicas.flatMap((replica) => replica.heard('database.went_back'));
  const sum = (field: string) => back.reduce((total, line) => total + Number(line[field] ?? 0), 0);
  found.note(
    `${last.text} shortly before; ready ${took.toFixed(1)} s after it began; given back: ` +
      `${sum('rotations')} rotations, ${sum('consents')} consents, ${sum('deletions')} deletions, ` +
      `${sum('clients')} clients${tally.refusalText}`,
  );
  return found.conclude(arena, tally, await countLost(arena, found));
}

/** `npm run faults -- --only patroni [-- --variant synchronous]` */
export const patroni: Scenario = {
  name: 'patroni',
  run: async (site, quick, variant = '') => {
    const missing = missingForPatroni();
    if (missing.length > 0) return [notRun(TITLE, `needs ${missing.join(', ')}`)];
    const outcomes: Outcome[] = [];
    for (const synchronous of [false, true]) {
      const chosen = CHANGES.filter((change) => nameOf(change, synchronous).includes(variant));
      for (const change of quick && variant === '' ? chosen.slice(1, 2) : chosen) {
        outcomes.push(await takeover(site, change, synchronous, quick));
      }
    }
    return outcomes;
  },
};
