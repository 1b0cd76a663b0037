import type { SealedTable } from '../database/index.js';
import { secretContext } from './request-secrets.js';

/**
 * The requests and their secrets. What has ended needs them no more; an expired one only after a
 * minute, for a callback may have begun just before.
 */
export const REQUEST_TABLE: SealedTable = {
  table: 'stitch_authorization_requests',
  key: [{ column: 'id', type: 'uuid' }],
  columns: ['code_verifier', 'nonce', 'prefill'],
  context: (column, { id = '' }) => secretContext(column, id),
  where: `status = 'pending' AND expires_at > now() - interval '1 minute'`,
  wipe: {
    where: `(status <> 'pending' OR expires_at <= now() - interval '1 minute')
      AND (length(code_verifier) > 0 OR length(nonce) > 0 OR prefill IS NOT NULL)`,
    set: `code_verifier = '', nonce = '', prefill = NULL`,
  },
};
