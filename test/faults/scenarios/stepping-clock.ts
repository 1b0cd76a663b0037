import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
      // Some that nobody has read before: their rows are judged by the database's clock alone.
      await sleep(8000);
      for (const offset of offsets) {
        set(offset);
        await sleep(3500);
        for (const { url } of arena.replicas) {
          const { status, down } = await readiness(url);
          found.check(status === 503 && down.includes('clock'), 'ready right after the step');
        }
        await sleep(8000);
      }
      const rotated = arena.sandbox.stats.rotations;
      await sleep(10_000);
      found.check(arena.sandbox.stats.rotations > rotated, 'nothing is rotated after the step');
      await arena.settle(3, 40_000);
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

/** `npm run faults -- --only stepping-clock` */
export const steppingClock: Scenario = {
  name: 'stepping-clock',
  run: async (site, quick) => {
    if (!LIBRARY) return [notRun(TITLE, 'needs libfaketime: FAULTS_LIBFAKETIME')];
    const outcomes: Outcome[] = [];
    for (const each of quick ? WALKS.slice(0, 1) : WALKS) {
      outcomes.push(await walk(site, each, quick));
    }
    return outcomes;
  },
};
