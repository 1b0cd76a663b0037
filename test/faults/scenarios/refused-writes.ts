import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { NOBODY } from '../children.js';
import { countLost } from '../losses.js';
import { PostgresServer } from '../postgres-server.js';
import { allReady, readiness } from '../readiness.js';
import { Findings, inArena, notRun, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';

/** The role that the replicas work as: with a superuser's there are no rights to miss. */
const ROLE = 'vault_app';

/** One way in which a database answers and does not take what it is given. */
interface Refusal {
  readonly name: string;
  readonly title: string;
  /** The parts of `/health/ready` of which one is down meanwhile. */
  readonly parts: readonly string[];
  /** Seconds within which that must be known, of the shortest spell. */
  readonly knownWithin: number;
  /** Seconds of each spell. */
  readonly spells: readonly number[];
  /** Begins a spell. @returns what ends it */
  begin(server: PostgresServer, database: string): Promise<() => Promise<unknown>>;
}

const setReadOnly = async (server: PostgresServer, value: 'on' | 'off') => {
  await server.run(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
  await server.run('SELECT pg_reload_conf()');
};

const READ_ONLY: Refusal = {
  name: 'read-only',
  title: 'database read-only (25006)',
  parts: ['database', 'database_settings'],
  knownWithin: 3,
  spells: [5, 10, 15, 20, 25, 30, 5, 10, 40, 60],
  begin: async (server) => {
    await setReadOnly(server, 'on');
    return () => setReadOnly(server, 'off');
  },
};

const NO_RIGHTS: Refusal = {
  name: 'no-rights',
  title: 'right to change grants missing (42501)',
  parts: ['commits'],
  knownWithin: 4.5,
  spells: [5, 20, 40],
  begin: async (server, database) => {
    await server.run(`REVOKE UPDATE ON stitch_grants FROM ${ROLE}`, database);
    return () => server.run(`GRANT UPDATE ON stitch_grants TO ${ROLE}`, database);
  },
};

/** Claims go through, and every commit is ended for the time it takes. */
const SLOW_COMMITS: Refusal = {
  name: 'slow-commits',
  title: 'each commit runs into its deadline',
  parts: ['commits'],
  knownWithin: 4.5,
  spells: [10, 30],
  begin: async (server, database) => {
    await server.run(
      `CREATE OR REPLACE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN PERFORM pg_sleep(30); RETURN NEW; END';
       CREATE TRIGGER stall BEFORE UPDATE ON stitch_grants FOR EACH ROW
         WHEN (OLD.access_token IS DISTINCT FROM NEW.access_token) EXECUTE FUNCTION stall()`,
      database,
    );
    // Taking it away waits for nobody who runs it: the statements that wait are ended first.
    return () =>
      server.run(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE wait_event = 'PgSleep' AND pid <> pg_backend_pid();
         DROP TRIGGER stall ON stitch_grants`,
        database,
      );
  },
};

const REFUSALS = [READ_ONLY, NO_RIGHTS, SLOW_COMMITS];

/** Answers arrive for as long as nothing can be written; whoever holds one must be first after it. */
async function refusal(
  { postgres, ...site }: { postgres: PostgresServer; on: () => Promise<Site> },
  way: Refusal,
  quick: boolean,
): Promise<Outcome> {
  const spells = quick ? way.spells.slice(0, 1) : way.spells;
  const everyone = users(quick ? 40 : 150);
  const trials = `${spells.join(', ')} s, ${everyone.length} grants of 40 s, grace 0`;
  const found = new Findings(way.title, trials);
  const own = await site.on();
  const url = (name: string) => `postgres://${ROLE}@127.0.0.1:${postgres.port}/${name}`;
  const arena = await Arena.open(own, {
    name: `refused-${way.name}`,
    replicas: 2,
    environment: { PROVIDER_TIMEOUT: '5' },
    switches: { tokenLifetime: 40 },
    databaseUrl: url,
  });
  for (const wire of arena.wires) wire.answerDelay = [200, 1500];
  return inArena(arena, async () => {
    await postgres.run(readFileSync('deploy/postgres/vault-role.sql', 'utf8'), arena.database);
    await arena.start();
    await arena.seed({
      users: everyone,
      lifetime: 40,
      age: () => 15,
      due: (index) => 1 + (index / everyone.length) * 15,
    });
    const readers = arena.openReaders(6);
    readers.run(everyone, 4, 60);
    let uncommitted = 0;
    for (const seconds of spells) {
      const rotated = arena.sandbox.stats.rotations;
      await eventually('rotations go on', () => arena.sandbox.stats.rotations > rotated, 30_000);
      await eventually('calls are in flight', () => arena.inFlight >= 2, 30_000);
      const end = await way.begin(postgres, arena.database);
      try {
        const ends = Date.now() + seconds * 1000;
        const isKnown = () => allDown(arena, way.parts);
        try {
          await eventually('known', isKnown, way.knownWithin * 1000);
        } catch {
          found.check(false, `still ready after ${way.knownWithin} s without writes`);
        }
        while (Date.now() < ends) {
          await sleep(250);
          found.check(await isKnown(), 'ready while nothing could be written');
        }
        uncommitted += await uncommittedAnswers(arena);
      } finally {
        await end();
      }
      await eventually('both are ready again', () => allReady(arena), 20_000);
    }
    await arena.settle(2, 40_000);
    const tally = await readers.stop();
    await arena.stopReplicas();
    const { reuseEvents, maxPresentations } = arena.sandbox.stats;
    found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
    for (const replica of arena.replicas) {
      const told = [...replica.heard('health.part_down'), ...replica.heard('database.lost')];
      const lines = told.filter(
        ({ part }) => part === undefined || way.parts.includes(part as string),
      );
      const count = `${String(lines.length)} lines for ${String(spells.length)} spells`;
      found.check(lines.length >= spells.length, `${replica.name}: ${count}`);
    }
    found.check(uncommitted > 0, 'no answer waited for its commit at the end of a spell');
    found.note(
      `${uncommitted} answers not committed at the ends of the spells${tally.refusalText}`,
    );
    return found.conclude(arena, tally, await countLost(arena, found));
  });
}

async function allDown(arena: Arena, parts: readonly string[]): Promise<boolean> {
  const states = await Promise.all(arena.replicas.map(({ url }) => readiness(url)));
  return states.every(
    ({ status, down }) => status === 503 && parts.some((part) => down.includes(part)),
  );
}

async function uncommittedAnswers(arena: Arena): Promise<number> {
  const texts = await Promise.all(
    arena.replicas.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
  );
  return texts
    .map((text) => Number(/^stitch_vault_answers_in_hand (\d+)$/m.exec(text)?.[1] ?? 0))
    .reduce((sum, count) => sum + count, 0);
}

/** Writes to the end of a file until nothing is left on its disk. */
function fill(file: string, block: string): void {
  try {
    const args = ['if=/dev/zero', `of=${file}`, `bs=${block}`, 'oflag=append', 'conv=notrunc'];
    execFileSync('dd', args, { stdio: 'ignore' });
  } catch {
    // It ends when nothing is left.
  }
}

/** Proves that the server has no room: `53100`, by its own word. Without its log of changes. */
async function refusesRoom(server: PostgresServer, database: string): Promise<void> {
  const sql = `CREATE UNLOGGED TABLE probe AS
    SELECT repeat('x', 1000) AS x FROM generate_series(1, 2000)`;
  const code = await server.run(sql, database).then(
    () => 'none',
    (error: unknown) => (error as { code?: string }).code,
  );
  if (code !== '53100') throw new Error(`the disk is not full: SQLSTATE ${String(code)}`);
}

/** A server on a small disk of its own. */
async function onSmallDisk(site: Site, quick: boolean): Promise<Outcome> {
  const title = 'disk of the database full (53100)';
  const mount = join(site.directory, 'small-disk');
  mkdirSync(mount);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'none', mount], { stdio: 'ignore' });
  } catch {
    return notRun(title, 'needs the right to mount a tmpfs');
  }
  if (NOBODY.uid !== undefined) chownSync(mount, NOBODY.uid, NOBODY.gid);
  try {
    const postgres = await PostgresServer.create(mount, 'data');
    try {
      const full: Refusal = {
        name: 'full-disk',
        title,
        parts: ['commits', 'database'],
        // What is free in the pages of the table is written to first.
        knownWithin: 25,
        spells: [30, 40],
        begin: async (server, database) => {
          // Nothing is reused while somebody may still read it: each write needs new room.
          const reader = new pg.Client({ connectionString: server.url(database) });
          reader.on('error', () => undefined);
          await reader.connect();
          await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
          await reader.query('SELECT count(*) FROM stitch_grants');
          const ballast = join(mount, 'ballast');
          for (const block of ['64k', '512']) fill(ballast, block);
          await refusesRoom(server, database);
          return async () => {
            rmSync(ballast);
            await reader.end();
          };
        },
      };
      return await refusal({ postgres, on: () => site.on(postgres) }, full, quick);
    } finally {
      await postgres.stop('SIGQUIT');
    }
  } finally {
    execFileSync('umount', ['-l', mount]);
  }
}

/** `npm run faults -- --only refused-writes` */
export const refusedWrites: Scenario = {
  name: 'refused-writes',
  run: async (site, quick, variant = '') => {
    const outcomes: Outcome[] = [];
    const { postgres } = site;
    const chosen = REFUSALS.filter(({ name }) => name.includes(variant));
    for (const way of quick && variant === '' ? chosen.slice(0, 1) : chosen) {
      outcomes.push(await refusal({ postgres, on: () => Promise.resolve(site) }, way, quick));
    }
    const disk = 'full-disk'.includes(variant) && (!quick || variant !== '');
    if (disk) outcomes.push(await onSmallDisk(site, quick));
    return outcomes;
  },
};
