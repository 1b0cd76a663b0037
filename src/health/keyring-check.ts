import { Injectable } from '@nestjs/common';
import { Database, rowsByKey } from '../database/index.js';
import { EncryptionError, Keyring } from '../encryption/index.js';
import { GrantStore, TokenSealer } from '../grants/index.js';
import type { SealedSample } from '../grants/index.js';
import { SEALED_TABLES } from '../keys/index.js';

/** Milliseconds: this reads the whole table, once per start. */
const TIMEOUT = 60_000;

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

/** Compares the keyring with what the database was sealed with. */
@Injectable()
export class KeyringCheck {
  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
    private readonly grants: GrantStore,
    private readonly sealer: TokenSealer,
  ) {}

  /**
   * @param tolerated share of a key's values that may fail to open before it counts as a wrong one;
   *   1 for a start, which only a key that opens nothing prevents
   * @throws KeyringError with key ids and row counts; StorageUnavailableError
   */
  async run(tolerated = 1): Promise<void> {
    const used = await this.database.query<{ id: string; rows: number }>(
      `SELECT id, sum(rows)::int AS rows FROM (
         ${SEALED_TABLES.map(rowsByKey).join(' UNION ALL ')}
       ) sealed GROUP BY id ORDER BY id`,
      [],
      TIMEOUT,
    );
    const problems: KeyProblem[] = [];
    for (const key of used) {
      if (!this.keyring.has(key.id)) problems.push({ kind: 'missing', ...key });
      else if (await this.isWrong(key.id, tolerated)) problems.push({ kind: 'wrong', ...key });
    }
    if (problems.length > 0) throw new KeyringError(problems);
  }

  /**
   * Whether a key opens too few of the grants that bear its id, or of a hundred of them. A few that do
   * not open may have been tampered with, and are no reason to refuse all others to their users.
   */
  private async isWrong(id: string, tolerated: number): Promise<boolean> {
    const sample = await this.grants.sampleSealedBy(id, SAMPLE);
    const foreign = sample.filter((row) => this.isForeign(row)).length;
    return foreign > 0 && foreign >= sample.length * tolerated;
  }

  private isForeign({ accessToken, ...key }: SealedSample): boolean {
    try {
      this.sealer.open(accessToken, 'access_token', key);
      return false;
    } catch (error) {
      return error instanceof EncryptionError && error.code === 'authentication_failed';
    }
  }
}
