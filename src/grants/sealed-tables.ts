import type { SealedTable } from '../database/index.js';

const columns = ['access_token', 'refresh_token'];

/** The tables of this folder that hold sealed tokens. */
export const GRANT_TABLES: readonly SealedTable[] = [
  { table: 'stitch_grants', columns },
  { table: 'stitch_unconfirmed_grants', columns },
];
