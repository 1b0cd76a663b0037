import setUp from '../support/global-setup.js';
import tearDown from '../support/global-teardown.js';
import { fuzzParsers, fuzzRoutes } from './fuzz.js';
import { startTarget } from './target.js';

/**
 * `npm run fuzz [-- --minutes M] [--seed N]`
 *
 * Requests for every route of both listeners, and inputs for every parser, until the time is up.
 * Prints what was tried; exits with 1 and the smallest input that fails when something does.
 */
function option(name: string, fallback: number): number {
  const place = process.argv.indexOf(`--${name}`);
  return place < 0 ? fallback : Number(process.argv[place + 1]);
}

/** A process that grows by more than this share over the time leaks. */
const GROWTH = 1.3;

const minutes = option('minutes', 10);
const seed = option('seed', Math.floor(Math.random() * 2 ** 30));
const say = (text: string) => process.stdout.write(`${text}\n`);

let failed = true;
await setUp();
try {
  const inputs = await fuzzParsers(Math.max(100, Math.round(minutes * 1000)), seed);
  say(`parsers: ${String(inputs)} inputs, each understood or refused`);
  const target = await startTarget();
  try {
    const { requests, statuses, memory } = await fuzzRoutes(target, minutes * 60_000, seed);
    const { early, late } = memory;
    say(`requests: ${String(requests)}, by status ${JSON.stringify(statuses)}`);
    say(
      `memory: ${early.toFixed(0)} MiB after a tenth of the time, ${late.toFixed(0)} MiB at the end`,
    );
    target.vault.kill('SIGTERM');
    const { code } = await target.vault.ended;
    const failures = target.failures();
    failed = code !== 0 || failures.length > 0 || late > early * GROWTH;
    say(`end: exit code ${String(code)}, ${String(failures.length)} unforeseen events in the log`);
  } finally {
    await target.close();
  }
} catch (error) {
  say(`seed ${String(seed)}`);
  for (let each: unknown = error; each instanceof Error; each = each.cause) say(each.stack ?? '');
} finally {
  await tearDown();
}
process.exit(failed ? 1 : 0);
