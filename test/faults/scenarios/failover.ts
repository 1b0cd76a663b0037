import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { PostgresServer } from '../postgres-server.js';
import { allReady } from '../readiness.js';
import { Findings, inArena, notRun, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';

/** Where a PostgreSQL is whose programs can make a standby: the one from npm can't. */
const BINARIES = [
  process.env.FAULTS_PG_BIN ?? '',
  ...['18', '17', '16', '15'].map((version) => `/usr/lib/postgresql/${version}/bin`),
].find((directory) => existsSync(join(directory, 'pg_basebackup')));

interface Variant {
  /** Seconds of its last writing that the standby lacks. */
  readonly lag: number;
  /** Whether a replica is restarted right after the promotion, and how it ends. */
  readonly restart?: 'SIGTERM' | 'SIGKILL';
}

const TITLE = 'failover to an asynchronous standby';
const EXTRA = 5;

/**
 * The primary dies, and a standby takes over at its address that lacks its last seconds. Within
 * these, grants were rotated, linked and deleted, and a key was revoked.
 */
async function failover(site: Site, variant: Variant, quick: boolean): Promise<Outcome> {
  const { lag, restart } = variant;
  const everyone = users(quick ? 40 : 200);
  const title = `${TITLE} that lacks ${String(lag)} s${restart ? `, a replica's ${restart}` : ''}`;
  const found = new Findings(title, `${String(everyone.length)} grants of 12 s, grace 0`);
  const name = `failover-${String(lag)}-${restart ?? 'none'}-${String(Date.now())}`;
  const primary = await PostgresServer.create(site.directory, name, {
    binaries: BINARIES,
  });
  const standby = { server: undefined as PostgresServer | undefined };
  try {
    const own = await site.on(primary);
    const arena = await Arena.open(own, {
      name: `failover-${String(lag)}-${restart ?? 'none'}`,
      replicas: 2,
      switches: { tokenLifetime: 12 },
      // With the rights that it ships with: what is written anew must not need more.
      databaseUrl: (database) => `postgres://vault_app@127.0.0.1:${primary.port}/${database}`,
    });
    const role = readFileSync('deploy/postgres/vault-role.sql', 'utf8');
    await primary.run(role, arena.database);
    for (const wire of arena.wires) wire.answerDelay = [20, 400];
    return await inArena(arena, () => run(arena, found, { primary, standby, everyone, variant }));
  } finally {
    await primary.stop('SIGQUIT');
    await standby.server?.stop('SIGQUIT');
  }
}

interface Stage {
  readonly primary: PostgresServer;
  readonly standby: { server: PostgresServer | undefined };
  readonly everyone: readonly string[];
  readonly variant: Variant;
}

async function run(arena: Arena, found: Findings, stage: Stage): Promise<Outcome> {
  const { primary, standby, everyone, variant } = stage;
  await arena.start();
  await arena.seed({ users: everyone, lifetime: 12, age: () => 3, due: (i) => 1 + (i % 50) / 10 });
  const doomed = users(EXTRA).map((user) => `doomed-${user}`);
  await arena.seed({ users: doomed, lifetime: 12, age: () => 3, due: (i) => 1 + i });
  const readers = arena.openReaders(8);
  readers.run(everyone, 4, 60);
  const clone = await primary.cloneStandby(arena.site.directory, `standby-${String(Date.now())}`);
  standby.server = clone;
  const side = primary.port + 1;
  await clone.start(side);
  await eventually(
    'the standby streams',
    async () => (await primary.processes('walsender')).length,
  );
  // A key that the replicas know of, and that an operator's command is going to end.
  const created = await arena.site.cli(
    arena.database,
    'clients',
    'create',
    'ended',
    '--scope',
    'tokens:read',
    '--json',
  );
  const { key } = JSON.parse(created) as { key: string };
  await eventually(
    'every grant is rotated once',
    () => arena.sandbox.stats.rotations >= everyone.length,
    60_000,
  );

  const [sender = 0] = await primary.processes('walsender');
  process.kill(sender, 'SIGSTOP');
  const gone = await within(arena, variant.lag, doomed);
  const revokedKey = gone.deleted.length > 0 ? key : undefined;
  await primary.kill();
  await clone.stop('SIGINT');
  await clone.promote();
  const back = Date.now();
  if (variant.restart) {
    await arena.replicas[1]!.end(variant.restart);
    await arena.replicas[1]!.start();
  }
  await eventually('both are ready again', () => allReady(arena), 40_000);
  const ready = (Date.now() - back) / 1000;
  const resurrected = await stillThere(arena, gone.deleted);
  const valid = await keyWorks(arena, revokedKey);
  const rotated = arena.sandbox.stats.rotations;
  await eventually(
    'every grant is rotated twice after it',
    () => arena.sandbox.stats.rotations >= rotated + 2 * everyone.length,
    90_000,
  );
  const tally = await readers.stop();
  await arena.settle(2, 40_000);
  const linked = await stillReadable(arena, gone.linked);
  await arena.stopReplicas();
  const { reuseEvents, maxPresentations } = arena.sandbox.stats;
  found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
  found.check(resurrected === 0, `${String(resurrected)} deletions undone`);
  found.check(!valid, 'a revoked key is valid again');
  found.check(
    linked === gone.linked.length,
    `${String(gone.linked.length - linked)} consents gone`,
  );
  const lines = arena.replicas.flatMap((replica) => replica.heard('database.went_back'));
  found.note(
    `ready ${ready.toFixed(1)} s after the promotion; given back: ` +
      lines.map(({ rotations }) => String(rotations)).join(' + '),
  );
  return found.conclude(arena, tally, await countLost(arena, found));
}

/** What is done in the seconds that the standby will lack. */
async function within(arena: Arena, lag: number, doomed: readonly string[]) {
  const until = Date.now() + lag * 1000;
  if (lag === 0) return { deleted: [], linked: [] };
  const key = arena.site.key;
  const [first, second] = arena.replicas as [
    (typeof arena.replicas)[0],
    (typeof arena.replicas)[0],
  ];
  const headers = { authorization: `Bearer ${key}` };
  const deleted: string[] = [];
  const linked: string[] = [];
  await arena.site.cli(arena.database, 'clients', 'revoke', 'ended');
  for (const [index, user] of doomed.entries()) {
    const { url } = index % 2 === 0 ? first : second;
    const answer = await fetch(`${url}/tokens/${user}`, { method: 'DELETE', headers });
    if (answer.status === 204) deleted.push(user);
  }
  for (let index = 0; index < EXTRA; index += 1) {
    const user = `new-${String(index)}`;
    if (await arena.link(index % 2, user)) linked.push(user);
  }
  await sleep(Math.max(0, until - Date.now()));
  return { deleted, linked };
}

async function stillThere(arena: Arena, deleted: readonly string[]): Promise<number> {
  let count = 0;
  for (const user of deleted) {
    for (const { url } of arena.replicas) {
      const headers = { authorization: `Bearer ${arena.site.key}` };
      const { status } = await fetch(`${url}/tokens/${user}`, { headers });
      if (status !== 404) count += 1;
    }
  }
  return count;
}

async function stillReadable(arena: Arena, linked: readonly string[]): Promise<number> {
  let count = 0;
  for (const user of linked) {
    const headers = { authorization: `Bearer ${arena.site.key}` };
    const { status } = await fetch(`${arena.replicas[0]!.url}/tokens/${user}`, { headers });
    if (status === 200) count += 1;
  }
  return count;
}

async function keyWorks(arena: Arena, key: string | undefined): Promise<boolean> {
  if (key === undefined) return false;
  const statuses = await Promise.all(
    arena.replicas.map(async ({ url }) => {
      const headers = { authorization: `Bearer ${key}` };
      return (await fetch(`${url}/tokens/user-0`, { headers })).status;
    }),
  );
  return statuses.some((status) => status !== 401);
}

/** Each of these lags once; the restarts at one of them. */
const VARIANTS: readonly Variant[] = [
  ...[0, 0.3, 1, 2, 3, 4, 5, 6].map((lag) => ({ lag })),
  { lag: 3, restart: 'SIGTERM' },
  { lag: 3, restart: 'SIGKILL' },
];

export const failovers: Scenario = {
  name: 'failover',
  run: async (site, quick) => {
    if (!BINARIES) return [notRun(TITLE, 'needs pg_basebackup: FAULTS_PG_BIN')];
    const outcomes: Outcome[] = [];
    for (const variant of quick ? VARIANTS.slice(4, 5) : VARIANTS) {
      outcomes.push(await failover(site, variant, quick));
    }
    return outcomes;
  },
};
