import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { AuditKeyError, AuditKeyStore } from '../audit/index.js';
import type { AuditKey } from '../audit/index.js';
import { HealthRegistry, Log, keyUnavailable } from '../common/index.js';
import type { PartState } from '../common/index.js';
import type { Query } from '../database/index.js';
import { Metrics } from '../metrics/index.js';
import { NEXT_REVISION, isAuthentic, isVouchedFor, vouchFor, vouchForAll } from './client-mac.js';
import type { VouchedClient } from './client-row.js';

interface Sifted {
  readonly genuine: readonly VouchedClient[];
  readonly refused: ReadonlySet<VouchedClient>;
}

/**
 * Lets only clients through whose rows were written with the keyring. Somebody who can write to the
 * table can't make one, nor raise its scopes; and while this process runs, a row that is older than
 * what it has seen is not taken either.
 */
@Injectable()
export class ClientAuthenticity implements OnModuleInit {
  private key: AuditKey | undefined;
  private state: PartState = { up: true };
  private readonly newest = new Map<string, number>();
  private reported: ReadonlySet<string> = new Set();

  constructor(
    private readonly keys: AuditKeyStore,
    private readonly log: Log,
    private readonly metrics: Metrics,
    private readonly health: HealthRegistry,
  ) {}

  onModuleInit(): void {
    this.keys.onTakeOver(vouchForAll);
    this.health.add({ name: 'clients', needed: true, check: () => this.state });
    this.metrics.value(
      'stitch_vault_clients_refused',
      'Clients in the table that are refused because nobody with the keyring wrote them.',
      () => this.reported.size,
    );
  }

  /**
   * Tells the rows that can be believed from the others, which are reported once. Before a vault
   * has taken over the database's clients, all of them can be.
   *
   * @throws StorageUnavailableError, VaultError 503 `key_unavailable`
   */
  async sift(query: Query, rows: readonly VouchedClient[]): Promise<Sifted> {
    const key = await this.vouchingKey(query);
    if (!key) return { genuine: rows, refused: new Set() };
    const genuine: VouchedClient[] = [];
    const refused = new Set<VouchedClient>();
    const reported = new Set<string>();
    for (const row of rows) {
      const reason = this.objection(key, row);
      if (reason === undefined) {
        genuine.push(row);
        continue;
      }
      refused.add(row);
      const report = `${row.clientId} ${reason}`;
      reported.add(report);
      if (this.reported.has(report)) continue;
      this.log.event('error', 'client.refused', { client: row.name, reason });
    }
    this.reported = reported;
    return { genuine, refused };
  }

  /**
   * Changes a client that can be believed, and vouches for what it is then; does nothing to another
   * one. Runs in the caller's transaction.
   *
   * @returns whether it was changed
   */
  async mend(query: Query, clientId: string, change: () => Promise<boolean>): Promise<boolean> {
    const key = await this.vouchingKey(query);
    if (!key) return change();
    if (!(await isVouchedFor(query, key, { clientId })) || !(await change())) return false;
    await query(
      `UPDATE service_clients SET revision = ${NEXT_REVISION} WHERE client_id = $1 RETURNING 1`,
      [clientId],
    );
    await vouchFor(query, key, { clientId });
    return true;
  }

  /** Read once: whoever takes the key away takes it from the processes that start later. */
  private async vouchingKey(query: Query): Promise<AuditKey | undefined> {
    if (this.key) return this.key;
    try {
      this.key = await this.keys.vouching(query);
      this.state = { up: true };
      return this.key;
    } catch (error) {
      if (!(error instanceof AuditKeyError)) throw error;
      const reason = `the key in audit_keys, which vouches for clients, ${error.trouble}`;
      this.state = { up: false, reason };
      throw keyUnavailable(error);
    }
  }

  private objection(key: AuditKey, row: VouchedClient): string | undefined {
    if (!isAuthentic(key, row)) return 'not_authentic';
    const newest = this.newest.get(row.clientId) ?? 0;
    if (row.revision < newest) return 'older_than_seen';
    this.newest.set(row.clientId, row.revision);
    return undefined;
  }
}
