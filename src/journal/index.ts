export { JournalModule } from './journal.module.js';
export { Journal } from './journal.js';
export { Shelf } from './shelf.js';
export type { ShelfFormat, Shelved } from './shelf.js';
