import type { GrantColumns } from './grant.columns.js';

export { GRANT_STATUSES, grantKeyText } from './grant-key.js';
export type { GrantKey, GrantStatus } from './grant-key.js';

/** A stored grant. Tokens are sealed; times are milliseconds since the epoch, database clock. */
export type Grant = Readonly<GrantColumns>;
