import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
  /** The part of `/health/ready` that is down meanwhile. */
  readonly part: string;
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
  part: 'database_settings',
  spells: [5, 10, 15, 20, 25, 30, 5, 10, 40, 60],
  begin: async (server) => {
    await setReadOnly(server, 'on');
    return () => setReadOnly(server, 'off');
  },
};

const NO_RIGHTS: Refusal = {
  name: 'no-rights',
  title: 'right to change grants missing (42501)',
  part: 'commits',
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
  part: 'commits',
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
    let inHand = 0;
    for (const seconds of spells) {
      await sleep(3000);
      await eventually('calls are in flight', () => arena.inFlight >= 2, 30_000);
      const end = await way.begin(postgres, arena.database);
      try {
        await sleep(Math.min(4500, seconds * 900));
        for (const { url: at } of arena.replicas) {
          const { status, down } = await readiness(at);
          found.check(status === 503, `ready while nothing could be written`);
          found.check(down.includes(way.part), `${way.part} is not down: ${down.join(', ')}`);
        }
        await sleep(Math.max(0, seconds * 1000 - 4500));
        inHand += await answersInHand(arena);
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
      const down = replica.heard('health.part_down').filter(({ part }) => part === way.part);
      const lines = `${String(down.length)} lines for ${String(spells.length)} spells`;
      found.check(down.length === spells.length, lines);
    }
    found.note(`${inHand} answers in hand at the ends of the spells${tally.refusalText}`);
    return found.conclude(arena, tally, await countLost(arena, found));
  });
}

async function answersInHand(arena: Arena): Promise<number> {
  const texts = await Promise.all(
    arena.replicas.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
  );
  return texts
    .map((text) => Number(/^stitch_vault_answers_in_hand (\d+)$/m.exec(text)?.[1] ?? 0))
    .reduce((sum, count) => sum + count, 0);
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
        part: 'database',
        spells: [10, 30],
        begin: () => {
          const ballast = join(mount, 'ballast');
          try {
            execFileSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k'], { stdio: 'ignore' });
          } catch {
            // It ends when nothing is left.
          }
          return Promise.resolve(() => Promise.resolve(execFileSync('rm', [ballast])));
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
  run: async (site, quick) => {
    const outcomes: Outcome[] = [];
    for (const way of quick ? REFUSALS.slice(0, 1) : REFUSALS) {
      const { postgres } = site;
      outcomes.push(await refusal({ postgres, on: () => Promise.resolve(site) }, way, quick));
    }
    if (!quick) outcomes.push(await onSmallDisk(site, quick));
    return outcomes;
  },
};
