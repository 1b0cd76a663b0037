import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Query, SealedTable } from '../database/index.js';
import { EncryptionError, Sealer } from '../encryption/index.js';
import { AuditKey } from './audit-mac.js';
import { ChainStore } from './chain.store.js';

const KEY_BYTES = 32;
/**
 * Sealed with the key once rows of before were vouched for under it. Whoever takes this away takes
 * the key away, so nobody without the keyring can have rows vouched for again.
 */
const VOUCHED = ' vouched';

const contextOf = (id: string): readonly string[] => ['audit_keys', 'sealed_key', id];

/** The keys of the audit: sealed like everything else, and sealed anew with it. */
export const AUDIT_KEY_TABLE: SealedTable = {
  table: 'audit_keys',
  key: [{ column: 'id', type: 'integer' }],
  columns: ['sealed_key'],
  context: (_, { id = '' }) => contextOf(id),
};

/** There is no key although rows were written with one, or somebody has altered it. */
export class AuditKeyError extends Error {
  constructor(
    readonly trouble: 'is gone' | 'cannot be opened',
    options?: ErrorOptions,
  ) {
    super(`the key of the audit ${trouble}`, options);
    this.name = 'AuditKeyError';
  }
}

/** A key, and whether the rows of before were vouched for under it. */
interface StoredKey {
  readonly key: AuditKey;
  readonly bytes: Buffer;
  readonly vouched: boolean;
}

/** Where the audit's keys are kept. The key is random, so that it outlives any key of the keyring. */
@Injectable()
export class AuditKeyStore {
  private readonly takingOver: ((query: Query, key: AuditKey) => Promise<void>)[] = [];

  constructor(
    private readonly sealer: Sealer,
    private readonly chains: ChainStore,
  ) {}

  /** Every key by its id. @throws EncryptionError, StorageUnavailableError */
  async all(query: Query): Promise<Map<number, AuditKey>> {
    const stored = await openKeys(query, this.sealer);
    return new Map(stored.map(({ key }) => [key.id, key]));
  }

  /** Calls back in the transaction that takes over what was there before rows were vouched for. */
  onTakeOver(callback: (query: Query, key: AuditKey) => Promise<void>): void {
    this.takingOver.push(callback);
  }

  /**
   * The key that vouches for rows; undefined before the first vault has taken over.
   *
   * @throws AuditKeyError, StorageUnavailableError
   */
  async vouching(query: Query): Promise<AuditKey | undefined> {
    const known = (await this.readable(query)).at(-1);
    if (!known && (await this.chains.hasSigned(query))) throw new AuditKeyError('is gone');
    return known?.vouched ? known.key : undefined;
  }

  private async readable(query: Query): Promise<StoredKey[]> {
    try {
      return await openKeys(query, this.sealer);
    } catch (error) {
      if (!(error instanceof EncryptionError)) throw error;
      throw new AuditKeyError('cannot be opened', { cause: error });
    }
  }

  /**
   * The key to write with, made by whoever needs it first. Runs in the caller's transaction.
   *
   * @throws AuditKeyError, EncryptionError, StorageUnavailableError
   */
  async current(query: Query): Promise<AuditKey> {
    const known = (await openKeys(query, this.sealer)).at(-1);
    if (known?.vouched) return known.key;
    await this.chains.lockOpening(query);
    const found = (await openKeys(query, this.sealer)).at(-1);
    if (found?.vouched) return found.key;
    if (!found && (await this.chains.hasSigned(query))) throw new AuditKeyError('is gone');
    const bytes = found?.bytes ?? randomBytes(KEY_BYTES);
    const key = found?.key ?? new AuditKey(1, bytes);
    for (const takeOver of this.takingOver) await takeOver(query, key);
    await query(
      `INSERT INTO audit_keys (id, sealed_key) VALUES ($1, $2)
       ON CONFLICT (id) DO UPDATE SET sealed_key = EXCLUDED.sealed_key`,
      [key.id, this.sealer.seal(bytes.toString('base64') + VOUCHED, contextOf(String(key.id)))],
    );
    return key;
  }
}

/**
 * The key that vouches for rows, as an operator command needs it.
 *
 * @param sealer makes what opens the key, if there is one: only then is the keyring needed
 * @throws EncryptionError, StorageUnavailableError
 */
export async function vouchingKey(
  query: Query,
  sealer: () => Pick<Sealer, 'open'>,
): Promise<AuditKey | undefined> {
  if ((await query('SELECT 1 FROM audit_keys LIMIT 1')).length === 0) return undefined;
  const known = (await openKeys(query, sealer())).at(-1);
  return known?.vouched ? known.key : undefined;
}

async function openKeys(query: Query, sealer: Pick<Sealer, 'open'>): Promise<StoredKey[]> {
  const rows = await query<{ id: number; sealed_key: Buffer }>(
    'SELECT id, sealed_key FROM audit_keys ORDER BY id',
  );
  return rows.map(({ id, sealed_key }) => {
    const text = sealer.open(sealed_key, contextOf(String(id)));
    const vouched = text.endsWith(VOUCHED);
    const base64 = vouched ? text.slice(0, -VOUCHED.length) : text;
    const bytes = Buffer.from(base64, 'base64');
    return { key: new AuditKey(id, bytes), bytes, vouched };
  });
}
