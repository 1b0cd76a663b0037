export { runCli } from './cli-host.js';
export type { Ended } from './cli-host.js';
export * from '../support/programs.js';
