// Runs operator commands one after another in a process that has loaded them already: most of what
// a command costs is its start. What is particular to a process of its own is tested with one.
import { buildProgram } from '../../dist/cli/program.js';
import { run } from '../../dist/cli/run.js';

let last = Promise.resolve();
process.on('message', ({ id, args, environment }) => {
  last = last.then(async () => process.send({ id, ...(await command(args, environment)) }));
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });

async function command(args, environment) {
  process.env = { ...environment };
  const output = { stdout: '', stderr: '' };
  const restore = ['stdout', 'stderr'].map((name) => capture(name, output));
  try {
    const code = await run(buildProgram(), [process.execPath, 'dist/cli.js', ...args]);
    return { code, ...output };
  } finally {
    for (const each of restore) each();
  }
}

function capture(name, output) {
  const stream = process[name];
  const { write } = stream;
  stream.write = (chunk, encoding, done) => {
    output[name] += String(chunk);
    (typeof encoding === 'function' ? encoding : done)?.();
    return true;
  };
  return () => (stream.write = write);
}
