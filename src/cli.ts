import './keep-inspector-shut.js';
import { buildProgram } from './cli/program.js';
import { run } from './cli/run.js';

process.exitCode = await run(buildProgram(), process.argv);
