export { DatabaseClock } from './database-clock.js';
export { dataSourceOptions } from './data-source.js';
export { DatabaseModule } from './database.module.js';
export { Database } from './database.js';
export type { Query } from './database.js';
export { Migrator } from './migrator.js';
export { Notifications } from './notifications.js';
export { SchemaCheck } from './schema-check.js';
export { ProcessId } from './process-id.js';
