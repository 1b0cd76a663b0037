import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { FULL_BINARIES } from '../full-postgres.js';
import { Killings } from '../killings.js';
import type { Audited } from '../grants-table.js';
import { LastSeconds } from '../last-seconds.js';
import { countLost } from '../losses.js';
import { PostgresServer } from '../postgres-server.js';
import { allReady } from '../readiness.js';
import { Findings, inArena, notRun, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';

interface Variant {
  /** Seconds of its last writing that the standby lacks. */
  readonly lag: number;
  /** Whether a replica is restarted right after the promotion, and how it ends. */
  readonly restart?: 'SIGTERM' | 'SIGKILL';
}

/** Such as `3-SIGKILL`. */
const nameOf = ({ lag, restart }: Variant) => `${lag}-${restart ?? 'none'}`;

const TITLE = 'failover to an asynchronous standby';
const EXTRA = 5;

/**
 * The primary dies, and a standby takes over at its address that lacks its last seconds. Within
 * these, grants were rotated, linked and deleted, and a key was revoked.
 */
async function failover(site: Site, variant: Variant, quick: boolean): Promise<Outcome> {
  const { lag, restart } = variant;
  const everyone = users(quick ? 40 : 200);
  const title = `${TITLE} that lacks ${lag} s${restart ? `, a replica's ${restart}` : ''}`;
  const found = new Findings(title, `${String(everyone.length)} grants of 12 s, grace 0`);
  const name = `failover-${nameOf(variant)}-${String(Date.now())}`;
  const primary = await PostgresServer.create(site.directory, name, { binaries: FULL_BINARIES });
  const standby = { server: undefined as PostgresServer | undefined };
  try {
    const own = await site.on(primary);
    const arena = await Arena.open(own, {
      name: `failover-${nameOf(variant)}`,
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
  // With a key that the replicas know of, and that an operator's command is going to end.
  const last = await LastSeconds.prepare(arena, doomed);
  await eventually(
    'every grant is rotated once',
    () => arena.sandbox.stats.rotations >= everyone.length,
    60_000,
  );

  const [sender = 0] = await primary.processes('walsender');
  process.kill(sender, 'SIGSTOP');
  const until = Date.now() + variant.lag * 1000;
  if (variant.lag > 0) await last.happen();
  await sleep(Math.max(0, until - Date.now()));
  const lacks = (Date.now() - (until - variant.lag * 1000)) / 1000;
  await primary.kill();
  await clone.stop('SIGINT');
  await clone.promote();
  const back = Date.now();
  const killings = new Killings(arena.wires);
  if (variant.restart) await restartIdle(arena, variant.restart, killings);
  await eventually('both are ready again', () => allReady(arena), 40_000);
  const ready = (Date.now() - back) / 1000;
  await last.checkEnded(found);
  const rotated = arena.sandbox.stats.rotations;
  await eventually(
    'every grant is rotated twice after it',
    () => arena.sandbox.stats.rotations >= rotated + 2 * everyone.length,
    90_000,
  );
  const tally = await readers.stop();
  await arena.settle(2, 40_000);
  await last.checkLinked(found);
  await arena.stopReplicas();
  const { reuseEvents } = arena.sandbox.stats;
  found.check(reuseEvents <= killings.cutOff, `${reuseEvents} refresh tokens presented twice`);
  const lines = arena.replicas.flatMap((replica) => replica.heard('database.went_back'));
  found.note(
    `lacked ${lacks.toFixed(1)} s with ${last.text}; ` +
      `ready ${ready.toFixed(1)} s after the promotion; given back: ` +
      lines.map(({ rotations }) => String(rotations)).join(' + '),
  );
  if (killings.cutOff > 0) found.note(`${killings.cutOff} answers on the wire at the kill`);
  const cutOff = ({ refreshToken }: Audited) => killings.causeOf(refreshToken) === 'on the wire';
  return found.conclude(arena, tally, await countLost(arena, found, cutOff));
}

/**
 * Ends the second replica and starts it again, when all answers that were on their way to it have come: it
 * has them, and can commit none. One that it asks for in this very moment is cut off by a kill,
 * which no client can help.
 */
async function restartIdle(
  { replicas, wires }: Arena,
  signal: 'SIGTERM' | 'SIGKILL',
  killings: Killings,
): Promise<void> {
  const replica = replicas[1]!;
  await eventually('its answers have come', () => wires[1]!.inFlight === 0);
  // Whatever it has been sent before is read before this is answered.
  await fetch(`${replica.url}/health/live`);
  const from = performance.now();
  await replica.end(signal);
  if (signal === 'SIGKILL') killings.all.push({ replica: 1, from, to: performance.now() });
  await replica.start();
}

/** Ten failovers; in half of them a replica is restarted right after the promotion. */
const VARIANTS: readonly Variant[] = [
  { lag: 0 },
  { lag: 0, restart: 'SIGKILL' },
  { lag: 0.3 },
  { lag: 1, restart: 'SIGTERM' },
  { lag: 2 },
  { lag: 3, restart: 'SIGKILL' },
  { lag: 3 },
  { lag: 4, restart: 'SIGTERM' },
  { lag: 5 },
  { lag: 6, restart: 'SIGKILL' },
];

export const failovers: Scenario = {
  name: 'failover',
  run: async (site, quick, variant = '') => {
    if (!FULL_BINARIES) return [notRun(TITLE, 'needs pg_basebackup: FAULTS_PG_BIN')];
    const outcomes: Outcome[] = [];
    const chosen = VARIANTS.filter((each) => nameOf(each).includes(variant));
    for (const each of quick && variant === '' ? chosen.slice(4, 5) : chosen) {
      outcomes.push(await failover(site, each, quick));
    }
    return outcomes;
  },
};
