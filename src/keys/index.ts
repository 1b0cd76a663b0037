export { keyUsage } from './key-usage.js';
export type { KeyUsage } from './key-usage.js';
export { Rewrapper } from './rewrapper.js';
export { SEALED_TABLES } from './sealed-tables.js';
