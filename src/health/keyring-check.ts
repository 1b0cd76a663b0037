import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { EncryptionError, Keyring } from '../encryption/index.js';
import { TokenSealer } from '../tokens/index.js';

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

/** Grants that are opened, wherever in the table, to see whether a key is the right one. */
const SAMPLE = 100;

/** A key by whose id rows were sealed, and that the keyring does not hold, or holds another of. */
export interface KeyProblem {
  readonly kind: 'missing' | 'wrong';
  readonly id: string;
  readonly rows: number;
}

/** The keyring is not the one that the database was sealed with. */
export class KeyringError extends Error {
  constructor(readonly problems: readonly KeyProblem[]) {
    super(problems.map(({ kind, id, rows }) => `key ${id} of ${rows} row(s): ${kind}`).join('; '));
    this.name = 'KeyringError';
  }
}

interface Sample {
  readonly provider: string;
  readonly user_id: string;
  readonly connection: string;
  readonly access_token: Buffer;
}

/** Compares the keyring with what the database was sealed with. */
@Injectable()
export class KeyringCheck {
  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
    private readonly sealer: TokenSealer,
  ) {}

  /** @throws KeyringError with key ids and row counts; StorageUnavailableError */
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
    const problems: KeyProblem[] = [];
    for (const key of used) {
      if (!this.keyring.has(key.id)) problems.push({ kind: 'missing', ...key });
      else if (await this.isWrong(key.id)) problems.push({ kind: 'wrong', ...key });
    }
    if (problems.length > 0) throw new KeyringError(problems);
  }

  /**
   * Whether a key opens none of the grants that bear its id, or of a hundred of them. A few that do
   * not open may have been tampered with, and are no reason to refuse all others to their users.
   */
  private async isWrong(id: string): Promise<boolean> {
    const sample = await this.database.query<Sample>(
      `SELECT provider, user_id, connection, access_token FROM stitch_grants
       WHERE ${keyId('access_token')} = $1 ORDER BY random() LIMIT ${SAMPLE}`,
      [id],
      TIMEOUT,
    );
    return sample.length > 0 && sample.every((row) => this.isForeign(row));
  }

  private isForeign({ user_id: userId, access_token: sealed, ...rest }: Sample): boolean {
    try {
      this.sealer.open(sealed, 'access_token', { userId, ...rest });
      return false;
    } catch (error) {
      return error instanceof EncryptionError && error.code === 'authentication_failed';
    }
  }
}
