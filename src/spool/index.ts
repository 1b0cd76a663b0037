export { Spool } from './spool.js';
export type { SpoolFormat, Spooled } from './spool.js';
