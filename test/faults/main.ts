import { render } from './table.js';
import { notRun } from './scenario.js';
import type { Outcome, Scenario } from './scenario.js';
import { Site } from './site.js';
import { scenarios } from './suite.js';

const OPTIONS = ['--only', '--variant', '--seconds', '--quick'];

/**
 * `npm run faults [-- --only NAME] [-- --variant PART_OF_A_NAME] [-- --seconds N] [-- --quick]`
 *
 * `--seconds` is how long each fault of `systematic` lasts.
 *
 * Runs the scenarios one after the other and prints one table; exits with 1 when one failed.
 */
async function attempt(
  scenario: Scenario,
  site: Site,
  quick: boolean,
  variant: string | undefined,
  seconds: number | undefined,
): Promise<Outcome[]> {
  try {
    return await scenario.run(site, quick, variant, seconds);
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [{ ...notRun(scenario.name, `FAILED: ${why}`), verdict: 'failed' }];
  }
}

async function main(args: readonly string[]): Promise<void> {
  const valueOf = (option: string) => {
    const place = args.indexOf(option);
    return place < 0 ? undefined : args[place + 1];
  };
  const unknown = args.find((each) => each.startsWith('--') && !OPTIONS.includes(each));
  if (unknown !== undefined) {
    process.stderr.write(`${unknown} is none of ${OPTIONS.join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const only = valueOf('--only')?.split(',');
  const variant = valueOf('--variant');
  const seconds = Number(valueOf('--seconds') ?? NaN) || undefined;
  const chosen = scenarios.filter(({ name }) => only?.includes(name) ?? true);
  if (chosen.length === 0) {
    process.stderr.write(`--only takes ${scenarios.map(({ name }) => name).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const site = await Site.open();
  const outcomes: Outcome[] = [];
  try {
    for (const scenario of chosen) {
      const begun = Date.now();
      const found = await attempt(scenario, site, args.includes('--quick'), variant, seconds);
      outcomes.push(...found);
      // At once as well: a run that is cut short has said what it found until then.
      process.stderr.write(render(found));
      const took = Math.round((Date.now() - begun) / 1000);
      process.stderr.write(`${scenario.name}: ${took} s\n`);
    }
  } finally {
    await site.close();
  }
  process.stdout.write(render(outcomes));
  if (outcomes.some(({ verdict }) => verdict === 'failed')) process.exitCode = 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await main(process.argv.slice(2));
