import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Query, SealedTable } from '../database/index.js';
import { Sealer } from '../encryption/index.js';
import { AuditKey } from './audit-mac.js';
import { AuditStore } from './audit.store.js';

const KEY_BYTES = 32;

const contextOf = (id: string): readonly string[] => ['audit_keys', 'sealed_key', id];

/** The keys of the audit: sealed like everything else, and sealed anew with it. */
export const AUDIT_KEY_TABLE: SealedTable = {
  table: 'audit_keys',
  key: [{ column: 'id', type: 'integer' }],
  columns: ['sealed_key'],
  context: (_, { id = '' }) => contextOf(id),
};

/** There is no key although rows were written with one: somebody has removed it. */
class AuditKeyMissingError extends Error {
  constructor() {
    super('the key of the audit is gone');
    this.name = 'AuditKeyMissingError';
  }
}

/** Where the audit's keys are kept. The key is random, so that it outlives any key of the keyring. */
@Injectable()
export class AuditKeyStore {
  constructor(
    private readonly sealer: Sealer,
    private readonly audit: AuditStore,
  ) {}

  /** Every key by its id. @throws EncryptionError, StorageUnavailableError */
  async all(query: Query): Promise<Map<number, AuditKey>> {
    const rows = await query<{ id: number; sealed_key: Buffer }>(
      'SELECT id, sealed_key FROM audit_keys ORDER BY id',
    );
    return new Map(rows.map(({ id, sealed_key }) => [id, this.open(id, sealed_key)]));
  }

  /**
   * The key to write with, made by whoever needs it first. Runs in the caller's transaction.
   *
   * @throws AuditKeyMissingError, EncryptionError, StorageUnavailableError
   */
  async current(query: Query): Promise<AuditKey> {
    const known = [...(await this.all(query)).values()].at(-1);
    if (known) return known;
    await this.audit.lockOpening(query);
    const found = [...(await this.all(query)).values()].at(-1);
    if (found) return found;
    if (await this.audit.hasSigned(query)) throw new AuditKeyMissingError();
    const key = randomBytes(KEY_BYTES);
    await query('INSERT INTO audit_keys (id, sealed_key) VALUES (1, $1)', [
      this.sealer.seal(key.toString('base64'), contextOf('1')),
    ]);
    return new AuditKey(1, key);
  }

  private open(id: number, sealed: Buffer): AuditKey {
    const text = this.sealer.open(sealed, contextOf(String(id)));
    return new AuditKey(id, Buffer.from(text, 'base64'));
  }
}
