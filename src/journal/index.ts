export { JournalModule } from './journal.module.js';
export { Journal } from './journal.js';
export type { JournalOptions, JournalStatus } from './journal.js';
export type { JournalEntry } from './journal-index.js';
export type { JournalRecord, NewRecord } from './record.js';
export { Shelf } from './shelf.js';
export type { ShelfFormat, Shelved } from './shelf.js';
