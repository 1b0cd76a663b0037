import type { NamedRow, SealedTable } from '../database/index.js';
import { SCOPES } from './grant.columns.js';
import { termsOf, tokenContext } from './token-sealer.js';
import type { TokenColumn } from './token-sealer.js';

const columns = ['access_token', 'refresh_token'];

/** What a token is bound to, in whichever table it is: the names that a row has as columns. */
export const contextOfRow = (column: string, row: NamedRow): readonly string[] =>
  tokenContext(column as TokenColumn, {
    provider: row.provider ?? '',
    userId: row.user_id ?? '',
    connection: row.connection ?? '',
  });

/** What a token is bound to beside its cell. */
const termsOfRow = (column: string, row: NamedRow): readonly string[] =>
  termsOf(column as TokenColumn, {
    grantId: row.grant_id ?? '',
    scopes: SCOPES.from(row.scope ?? '') as readonly string[],
    confirmed: row.status !== undefined && row.status !== 'awaiting_confirmation',
  });

const text = (column: string) => ({ column, type: 'text' });

/** The tables of this folder that hold sealed tokens. */
export const GRANT_TABLES: readonly SealedTable[] = [
  {
    table: 'stitch_grants',
    key: [text('provider'), text('user_id'), text('connection')],
    columns: [...columns, 'held_answer'],
    names: ['grant_id', 'scope', 'status'],
    context: contextOfRow,
    terms: termsOfRow,
  },
  {
    table: 'stitch_unconfirmed_grants',
    key: [{ column: 'grant_id', type: 'uuid' }],
    columns,
    names: ['provider', 'user_id', 'connection', 'scope'],
    context: contextOfRow,
    terms: termsOfRow,
  },
];
