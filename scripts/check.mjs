/**
 * `npm run check`: every check of package.json (`check:…`), two at a time. What a check printed is shown when
 * it has ended, so that lines of different checks do not mix. Exits with 1 when one failed, after all have run.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Checks that run side by side: each is one busy thread. */
const LANES = 2;
/** The longest ones, which begin first. */
const LONGEST = ['check:lint', 'check:types'];

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
const names = Object.keys(scripts).filter((name) => name.startsWith('check:'));
const waiting = [...LONGEST, ...names.filter((name) => !LONGEST.includes(name))];
const failed = [];

function run(name) {
  const begun = Date.now();
  const chunks = [];
  const child = spawn('npm', ['run', '--silent', name], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => chunks.push(chunk));
  return new Promise((resolve) => {
    child.once('error', (error) => chunks.push(Buffer.from(`${error.message}\n`)));
    child.once('close', (code) => {
      if (code !== 0) failed.push(name);
      const seconds = Math.round((Date.now() - begun) / 1000);
      process.stdout.write(`${name}: ${code === 0 ? 'passed' : 'FAILED'}, ${seconds} s\n`);
      process.stdout.write(Buffer.concat(chunks));
      resolve();
    });
  });
}

async function lane() {
  for (let name = waiting.shift(); name; name = waiting.shift()) await run(name);
}

await Promise.all(Array.from({ length: LANES }, lane));
if (failed.length > 0) {
  process.stderr.write(`Failed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}
