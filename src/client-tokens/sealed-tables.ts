import type { SealedTable } from '../database/index.js';
import type { ClientTokenKey } from './client-token.js';

/** What a token is sealed for. */
export const clientTokenContext = ({ provider, clientId, scope }: ClientTokenKey) => [
  'client_tokens',
  'access_token',
  provider,
  clientId,
  scope,
];

const text = (column: string) => ({ column, type: 'text' });

/** The table of this folder that holds sealed tokens. */
export const CLIENT_TOKEN_TABLE: SealedTable = {
  table: 'client_tokens',
  key: [text('provider'), text('client_id'), text('scope')],
  columns: ['access_token'],
  context: (_column, row) =>
    clientTokenContext({
      provider: row.provider ?? '',
      clientId: row.client_id ?? '',
      scope: row.scope ?? '',
    }),
};
