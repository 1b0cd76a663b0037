import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { Keyring } from '../encryption/index.js';

/** Milliseconds: this reads the whole table, once per start. */
const TIMEOUT = 60_000;

/**
 * The id in an envelope's header: one byte of length after the version, then the id itself. Null
 * for what is too short to have one; whoever reads that is told so.
 */
const keyId = (column: string) =>
  `encode(substring(${column} FROM 3 FOR
    CASE WHEN length(${column}) > 2 THEN get_byte(${column}, 1) END), 'escape')`;

/** Rows of a table by the keys that any of their sealed columns needs. */
const rowsByKey = (table: string, columns: readonly string[]) => `
  SELECT key.id, count(*) AS rows FROM ${table} sealed_row
  CROSS JOIN LATERAL (SELECT DISTINCT id FROM (VALUES ${columns
    .map((column) => `(${keyId(`sealed_row.${column}`)})`)
    .join(', ')}) ids(id) WHERE id IS NOT NULL) key
  GROUP BY key.id`;

/** Keys that rows were sealed with but that the keyring does not hold. */
export class KeyringIncompleteError extends Error {
  constructor(readonly missing: readonly { readonly id: string; readonly rows: number }[]) {
    super(missing.map(({ id, rows }) => `key ${id} is still in use by ${rows} row(s)`).join('; '));
    this.name = 'KeyringIncompleteError';
  }
}

/** Compares the keyring with what the database was sealed with. */
@Injectable()
export class KeyringCheck {
  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
  ) {}

  /** @throws KeyringIncompleteError with key ids and row counts; StorageUnavailableError */
  async run(): Promise<void> {
    const used = await this.database.query<{ id: string; rows: number }>(
      `SELECT id, sum(rows)::int AS rows FROM (
         ${rowsByKey('stitch_grants', ['access_token', 'refresh_token'])}
         UNION ALL ${rowsByKey('stitch_unconfirmed_grants', ['access_token', 'refresh_token'])}
         UNION ALL ${rowsByKey('stitch_revocations', ['refresh_token'])}
         UNION ALL ${rowsByKey(
           `(SELECT * FROM stitch_authorization_requests
             WHERE status = 'pending' AND expires_at > now())`,
           ['code_verifier', 'nonce', 'prefill'],
         )}
       ) sealed GROUP BY id ORDER BY id`,
      [],
      TIMEOUT,
    );
    const missing = used.filter(({ id }) => !this.keyring.has(id));
    if (missing.length > 0) throw new KeyringIncompleteError(missing);
  }
}
