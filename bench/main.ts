import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Arena } from '../test/faults/arena.js';
import { Site } from '../test/faults/site.js';
import { measureBloat } from './bloat.js';
import { measureClaims } from './claims.js';
import { table } from './figures.js';
import { measureFloods } from './floods.js';
import type { Figure } from './figures.js';
import { measureHeld } from './held.js';
import { LoadGenerator } from './load.js';
import { measureMemory } from './memory.js';
import { measureMisses } from './misses.js';
import { measureWarmReads } from './reads.js';
import { report } from './report/report.js';
import { measureReadsWhileRefreshing, measureReplicas, measureRotations } from './rotations.js';
import { measureSealing } from './sealing.js';
import { measureStart } from './start.js';

/** `npm run bench`: each figure beside a limit measured in the same run, in alternating rounds. */
const ROUNDS = 5;
const FEWER_ROUNDS = 3;
/** Where the page with the charts is left. */
const REPORT = 'bench/report.html';

const { values: options } = parseArgs({
  options: {
    grants: { type: 'string', default: '200000' },
    'bloat-grants': { type: 'string', default: '20000' },
    'held-grants': { type: 'string', default: '20000' },
    'held-minutes': { type: 'string', default: '2' },
    'held-lifetime': { type: 'string', default: '60' },
    json: { type: 'string' },
    only: { type: 'string' },
    profile: { type: 'string' },
  },
});
/** What earlier runs have left in the file of `--json`: each adds to it what it measures. */
function readEarlier(): Record<string, readonly Figure[]> {
  const { json } = options;
  if (json === undefined || !existsSync(json)) return {};
  return JSON.parse(readFileSync(json, 'utf8')) as Record<string, readonly Figure[]>;
}

const site = await Site.open();
const { key } = site;
const generator = new LoadGenerator();
let arena: Arena | undefined;
/** The one replica that warm reads are measured on. */
const opened = async (): Promise<Arena> => {
  if (arena) return arena;
  arena = await Arena.open(site, { name: 'bench', replicas: 1 });
  await arena.start();
  return arena;
};
const measurements: Record<string, () => Promise<Figure[]>> = {
  sealing: () => Promise.resolve([measureSealing(ROUNDS)]),
  reads: async () => measureWarmReads(await opened(), key, generator, ROUNDS),
  memory: async () => [await measureMemory(await opened(), key, generator)],
  misses: () => measureMisses(site, key, generator, ROUNDS),
  rotations: () => measureRotations(site, FEWER_ROUNDS, options.profile),
  both: () => measureReadsWhileRefreshing(site, key, generator, FEWER_ROUNDS),
  replicas: () => measureReplicas(site, FEWER_ROUNDS),
  floods: async () => measureFloods(await opened(), key, generator, FEWER_ROUNDS),
  claims: async () => [await measureClaims(site, Number(options.grants))],
  bloat: () => measureBloat(site, Number(options['bloat-grants'])),
  held: () =>
    measureHeld(site, {
      grants: Number(options['held-grants']),
      minutes: Number(options['held-minutes']),
      lifetime: Number(options['held-lifetime']),
    }),
  start: async () => [await measureStart(site, ROUNDS)],
};
const only = options.only?.split(',');
const names = Object.keys(measurements);
/** By what was measured. */
const found: Record<string, readonly Figure[]> = readEarlier();
try {
  if (only?.some((name) => !names.includes(name)))
    throw new Error(`--only takes ${names.join(', ')}`);
  for (const [name, measure] of Object.entries(measurements)) {
    if (only && !only.includes(name)) continue;
    process.stderr.write(`measuring ${name} …\n`);
    found[name] = await measure();
    // At once as well: a run that is cut short has said what it found until then.
    process.stderr.write(`${table(found[name])}\n`);
  }
  const figures = names.flatMap((name) => found[name] ?? []);
  process.stdout.write(`${table(figures)}\n`);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify(found, null, 2)}\n`);
  }
  if (!only || options.json !== undefined) writeFileSync(REPORT, report(figures));
} finally {
  generator.close();
  await arena?.close();
  await site.close();
}
