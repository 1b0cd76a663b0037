import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { FULL_BINARIES } from '../full-postgres.js';
import { countLost } from '../losses.js';
import { PostgresServer } from '../postgres-server.js';
import { allReady, readiness } from '../readiness.js';
import type { Readers } from '../readers.js';
import { Findings, inArena, notRun, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';

const TITLE = 'an old dump is restored';
/** Seconds. */
const LIFETIME = 12;
const RETENTION = 20;
/** Grants that are not rotated any more before it is restored. */
const BEFORE = 10;
/** Seconds for which no refresh token must be presented before the operator says so. */
const PAUSE = 6;

interface Variant {
  readonly title: string;
  /** Whether replicas run on while it is restored, or are stopped and started again with their spools. */
  readonly running: boolean;
}

const VARIANTS: readonly Variant[] = [
  { title: 'under running replicas', running: true },
  { title: 'while the replicas are stopped', running: false },
];

/** Users by what the vault remembers of their last rotation when the dump is restored. */
interface Cast {
  /** Rotated lately: the journals know of it. */
  readonly lately: readonly string[];
  /** Rotated before that, and read since: caches know of it, for as long as their process runs. */
  readonly before: readonly string[];
}

/**
 * A dump that is older than what is remembered is restored. What memory knows is given back, nothing is
 * presented until an operator says `adopt`, and what is lost by then is told as that.
 */
async function restore(site: Site, variant: Variant, quick: boolean): Promise<Outcome> {
  const everyone = users(quick ? 40 : 100);
  const cast: Cast = { lately: everyone.slice(BEFORE), before: everyone.slice(0, BEFORE) };
  const trials = `${everyone.length} grants of ${LIFETIME} s, grace 0`;
  const found = new Findings(`${TITLE} ${variant.title}`, trials);
  const name = `restore-${String(Date.now())}`;
  const server = await PostgresServer.create(site.directory, name, { binaries: FULL_BINARIES });
  try {
    const arena = await Arena.open(await site.on(server), {
      name: `restore-${variant.running ? 'running' : 'stopped'}`,
      replicas: 2,
      environment: { COMMIT_RETENTION: String(RETENTION) },
      switches: { tokenLifetime: LIFETIME },
    });
    return await inArena(arena, () => run(arena, server, found, { variant, cast }));
  } finally {
    await server.stop('SIGQUIT');
  }
}

async function run(
  arena: Arena,
  server: PostgresServer,
  found: Findings,
  { variant, cast }: { readonly variant: Variant; readonly cast: Cast },
): Promise<Outcome> {
  const everyone = [...cast.lately, ...cast.before];
  await arena.start();
  await eventually('the vault has vouched for its clients', async () => {
    const rows = await arena.table.query('SELECT 1 FROM service_clients WHERE mac IS NULL');
    return rows.length === 0;
  });
  await arena.seed({
    users: everyone,
    lifetime: LIFETIME,
    age: () => 0,
    due: (index) => 2 + (4 * index) / everyone.length,
  });
  const dump = join(arena.site.directory, `${arena.database}.dump`);
  await program(server, 'pg_dump', ['--format=custom', `--file=${dump}`, arena.database]);
  await rotatedBy(arena, everyone.length);
  const readers = arena.openReaders(4);
  await park(arena, cast.before, readers);
  readers.run(cast.lately, 2, 60);
  await sleep((RETENTION + 4) * 1000);

  if (!variant.running) await arena.stopReplicas();
  await bringBack(arena, server, dump, variant);
  if (!variant.running) await Promise.all(arena.replicas.map((replica) => replica.start()));
  await eventually('both wait for an operator', () => historyDown(arena), 60_000);
  // What was on its way when it was restored has come.
  await eventually('no call is on its way', () => arena.inFlight === 0);
  const { calls } = arena;
  const waits = Date.now() + PAUSE * 1000;
  while (Date.now() < waits) {
    await sleep(500);
    found.check(await historyDown(arena), 'ready although more is lost than is remembered');
  }
  found.check(arena.calls === calls, `${arena.calls - calls} refresh tokens presented unasked`);
  found.check(arena.sandbox.stats.reuseEvents === 0, 'a refresh token presented twice');

  await arena.site.cli(arena.database, 'adopt');
  await eventually('both are ready', () => allReady(arena), 30_000);
  // They were given back as they were: parked.
  await arena.table.query(
    'UPDATE stitch_grants SET refresh_due_at = now() WHERE user_id = ANY($1)',
    [cast.before],
  );
  await arena.settle(3, 60_000);
  const tally = await readers.stop();
  await arena.stopReplicas();
  const unknown = new Set(variant.running ? [] : cast.before);
  const lost = await countLost(arena, found, ({ user }) => unknown.has(user));
  const given = arena.replicas.flatMap((each) => each.heard('database.went_back'));
  found.check(given.length > 0, 'nobody has said that it went back');
  found.note(
    `${unknown.size} of ${everyone.length} rotations were known to nobody; given back: ` +
      `${given.map(({ rotations }) => String(rotations)).join(' + ')}; ` +
      `nothing presented for ${PAUSE} s${tally.refusalText}`,
  );
  return found.conclude(arena, tally, lost);
}

/**
 * Has these not be refreshed any more: they are as their last rotation left them. Every replica reads them
 * once more, so that its cache knows them.
 */
async function park(arena: Arena, parked: readonly string[], readers: Readers): Promise<void> {
  await eventually('they are parked', async () => {
    await arena.table.query(
      `UPDATE stitch_grants SET refresh_due_at = now() + interval '1 hour'
       WHERE user_id = ANY($1) AND lease_owner IS NULL`,
      [parked],
    );
    const moving = await arena.table.query(
      `SELECT 1 FROM stitch_grants WHERE user_id = ANY($1)
         AND (lease_owner IS NOT NULL OR refresh_due_at < now() + interval '30 minutes')`,
      [parked],
    );
    return moving.length === 0;
  });
  for (const user of parked) {
    await Promise.all(arena.replicas.map((_, index) => readers.readFrom(user, index)));
  }
}

async function rotatedBy(arena: Arena, count: number): Promise<void> {
  const target = arena.sandbox.stats.rotations + count;
  await eventually('all are rotated', () => arena.sandbox.stats.rotations >= target, 60_000);
}

/** In place, as under running replicas it has to be; or as a database of its own that takes the name. */
async function bringBack(
  { database }: Arena,
  server: PostgresServer,
  dump: string,
  { running }: Variant,
): Promise<void> {
  if (running) {
    const inPlace = ['--clean', '--if-exists', '--single-transaction'];
    await program(server, 'pg_restore', [...inPlace, `--dbname=${database}`, dump]);
    return;
  }
  await server.run(`DROP DATABASE ${database} WITH (FORCE)`);
  await server.run(`CREATE DATABASE ${database}`);
  await program(server, 'pg_restore', [`--dbname=${database}`, dump]);
}

async function program(server: PostgresServer, name: string, args: readonly string[]) {
  const from = ['-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres'];
  // Not synchronously: the provider of the scenario answers from this process.
  await promisify(execFile)(join(FULL_BINARIES ?? '', name), [...from, ...args]);
}

async function historyDown(arena: Arena): Promise<boolean> {
  const states = await Promise.all(arena.replicas.map(({ url }) => readiness(url)));
  return states.every(({ status, down }) => status === 503 && down.includes('history'));
}

/** `npm run faults -- --only restore` */
export const restores: Scenario = {
  name: 'restore',
  run: async (site, quick, variant = '') => {
    if (!FULL_BINARIES) return [notRun(TITLE, 'needs pg_dump and pg_restore: FAULTS_PG_BIN')];
    const outcomes: Outcome[] = [];
    for (const each of VARIANTS.filter(({ title }) => title.includes(variant))) {
      outcomes.push(await restore(site, each, quick));
    }
    return outcomes;
  },
};
