import { buildProgram } from './program.js';
import { run } from './run.js';

/** Runs the command line of this process. */
export async function main(): Promise<void> {
  process.exitCode = await run(buildProgram(), process.argv);
}
