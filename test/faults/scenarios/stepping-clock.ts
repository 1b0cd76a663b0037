import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { PostgresServer } from '../postgres-server.js';
import { readiness } from '../readiness.js';
import { Findings, inArena, notRun, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';

/** Debian's package `libfaketime`. */
const LIBRARY = [
  process.env.FAULTS_LIBFAKETIME ?? '',
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
].find((path) => existsSync(path));

const TITLE = "the database's clock is set";

/** Seconds by which the clock is off, one after the other. */
interface Walk {
  readonly title: string;
  readonly offsets: readonly number[];
}

const WALKS: readonly Walk[] = [
  { title: 'an hour back', offsets: [-3600] },
  { title: 'an hour forward', offsets: [3600] },
  { title: 'ten minutes forward, and back again', offsets: [600, 0] },
  { title: 'back, and forward again', offsets: [-3600, 0] },
  { title: 'by 8 s to and fro', offsets: [8, 0, -8, 0] },
];

async function walk(site: Site, { title, offsets }: Walk, quick: boolean): Promise<Outcome> {
  const everyone = users(quick ? 40 : 100);
  const found = new Findings(`${TITLE} ${title}`, `${everyone.length} grants of 12 s, grace 0`);
  const file = join(site.directory, `clock-${String(Date.now())}`);
  const set = (seconds: number) => {
    // At once for whoever reads it: half a number is another time.
    writeFileSync(`${file}.new`, `${seconds < 0 ? '' : '+'}${String(seconds)}\n`, { mode: 0o644 });
    renameSync(`${file}.new`, file);
  };
  set(0);
  const postgres = await PostgresServer.create(site.directory, `clock-${String(Date.now())}-db`, {
    environment: {
      LD_PRELOAD: LIBRARY ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
  });
  try {
    const own = await site.on(postgres);
    const arena = await Arena.open(own, {
      name: `clock-${offsets.join('-')}`,
      replicas: 2,
      environment: { PROVIDER_TIMEOUT: '5' },
      switches: { tokenLifetime: 12 },
    });
    for (const wire of arena.wires) wire.answerDelay = [20, 400];
    return await inArena(arena, async () => {
      await arena.start();
      const due = (index: number) => 1 + (index % 50) / 10;
      await arena.seed({ users: everyone, lifetime: 12, age: () => 3, due });
      const readers = arena.openReaders(8);
      readers.run(everyone, 4, 40);
      const rounds = everyone.length;
      await rotatedBy(arena, rounds, 'every grant is rotated before');
      for (const offset of offsets) {
        set(offset);
        await eventually('both say that the clock was set', () => clockDown(arena), 15_000);
        // Tokens of before the step end, and their times are shown once more.
        await rotatedBy(arena, 2 * rounds, 'every grant is rotated after the step');
      }
      // One that has seen no step reads rows that are older than itself.
      await arena.replicas[1]!.end('SIGTERM');
      await arena.replicas[1]!.start();
      await rotatedBy(arena, 2 * rounds, 'every grant is rotated after the restart');
      await arena.settle(3, 40_000);
      found.check((await toldEvents(arena)) === offsets.length, 'not one event for each step');
      const tally = await readers.stop();
      await arena.stopReplicas();
      const { reuseEvents, maxPresentations } = arena.sandbox.stats;
      found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
      for (const replica of arena.replicas) {
        const steps = replica.heard('database.clock_stepped').map(({ seconds }) => Number(seconds));
        found.check(steps.length === offsets.length, `${replica.name} saw ${steps.join(', ')}`);
      }
      found.note(`${tally.answered} reads answered${tally.refusalText}`);
      return found.conclude(arena, tally, await countLost(arena, found));
    });
  } finally {
    await postgres.stop('SIGQUIT');
  }
}

/** Waits until the provider has rotated so many tokens more. */
async function rotatedBy(arena: Arena, count: number, what: string): Promise<void> {
  const target = arena.sandbox.stats.rotations + count;
  await eventually(what, () => arena.sandbox.stats.rotations >= target, 90_000);
}

async function clockDown(arena: Arena): Promise<boolean> {
  const states = await Promise.all(arena.replicas.map(({ url }) => readiness(url)));
  return states.every(({ status, down }) => status === 503 && down.includes('clock'));
}

/** Events of steps in the log that receivers read. */
async function toldEvents(arena: Arena): Promise<number> {
  const headers = { authorization: `Bearer ${arena.site.key}` };
  let after = '';
  for (let count = 0; ;) {
    const answer = await fetch(`${arena.replicas[0]!.url}/events?limit=500${after}`, { headers });
    const page = (await answer.json()) as { items: { type: string }[]; next_cursor: string };
    if (page.items.length === 0) return count;
    count += page.items.filter(({ type }) => type === 'database.clock_stepped').length;
    after = `&after=${page.next_cursor}`;
  }
}

/** `npm run faults -- --only stepping-clock` */
export const steppingClock: Scenario = {
  name: 'stepping-clock',
  run: async (site, quick, variant = '') => {
    if (!LIBRARY) return [notRun(TITLE, 'needs libfaketime: FAULTS_LIBFAKETIME')];
    const outcomes: Outcome[] = [];
    const chosen = WALKS.filter(({ title }) => title.includes(variant));
    for (const each of quick && variant === '' ? chosen.slice(0, 1) : chosen) {
      outcomes.push(await walk(site, each, quick));
    }
    return outcomes;
  },
};
