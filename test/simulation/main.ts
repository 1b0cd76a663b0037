import { simulate } from './simulate.js';
import { simulateFault } from './simulate-fault.js';
import { simulateHistory } from './simulate-history.js';
import type { Sabotage } from './model-store.js';

/**
 * `npm run simulate -- [--seeds N] [--from SEED] [--without fence|lease|doubt|late|fuse|caution|listening|ledgers|memory|history|behind|keeping|clocks]`
 *
 * Prints the first failing seeds and how to replay them, and the numbers of the others; exits with 1 when there is one.
 */
function option(name: string): string | undefined {
  const place = process.argv.indexOf(`--${name}`);
  return place < 0 ? undefined : process.argv[place + 1];
}

const seeds = Number(option('seeds') ?? 1000);
const from = Number(option('from') ?? 1);
const without = option('without');
const sabotage: Sabotage = without === undefined ? {} : { [without]: true };
const totals = { rotations: 0, kills: 0, lost: 0, failing: 0 };
const started = Date.now();
for (let seed = from; seed < from + seeds; seed += 1) {
  const storm = await simulate(seed, sabotage);
  const fault = await simulateFault(seed, sabotage);
  const past = await simulateHistory(seed, sabotage);
  const result = {
    violations: [...storm.violations, ...fault.violations, ...past.violations],
    rotations: storm.rotations + fault.rotations + past.rotations,
    kills: storm.kills + past.kills,
    lost: storm.lost + fault.lost + past.lost,
  };
  totals.rotations += result.rotations;
  totals.kills += result.kills;
  totals.lost += result.lost;
  if (result.violations.length === 0) continue;
  totals.failing += 1;
  if (totals.failing > 3) {
    process.stdout.write(`seed ${String(seed)} fails as well\n`);
    continue;
  }
  const replay = `npm run simulate -- --from ${String(seed)} --seeds 1${without ? ` --without ${without}` : ''}`;
  process.stdout.write(
    `seed ${String(seed)} fails:\n  ${result.violations.slice(0, 5).join('\n  ')}\n  replay: ${replay}\n`,
  );
}
process.stdout.write(
  `${String(seeds)} seeds, ${String(totals.rotations)} rotations, ${String(totals.kills)} kills, ` +
    `${String(totals.lost)} grants lost to a provider without grace, ` +
    `${String(totals.failing)} failing seeds, ${String(Math.round((Date.now() - started) / 1000))} s\n`,
);
process.exit(totals.failing > 0 ? 1 : 0);
