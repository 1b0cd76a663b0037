import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Log } from '../common/index.js';
import { Database, DatabaseClock, History } from '../database/index.js';
import type { Query } from '../database/index.js';
import { Journal } from '../journal/index.js';
import { ClientAuthenticity } from './client-authenticity.js';
import type { ClientRow } from './client-row.js';

const KIND = 'client';

/** What has become of a client. */
interface ClientChange {
  readonly clientId: string;
  /** Whether it was revoked; otherwise its keys were changed to these. */
  readonly ended: boolean;
  readonly keyHash: string | null;
  readonly previousKeyHash: string | null;
  readonly previousUntil: number | null;
  /** The key that was the first one before. */
  readonly formerKeyHash: string | null;
}

/**
 * Remembers revoked clients and changed keys, for as long as the journal does: a database that went
 * back in time is told of them again before any key is believed.
 */
@Injectable()
export class ClientMemory implements OnModuleInit {
  private rows: ReadonlyMap<string, ClientRow> = new Map();

  constructor(
    private readonly journal: Journal,
    private readonly history: History,
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly authenticity: ClientAuthenticity,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.history.onForgotten('clients', () => this.restore());
  }

  /**
   * Takes note of the valid clients as they are now. What somebody without the keyring made of one
   * is no change to remember: it stays what it was.
   *
   * @param refused the rows among them that are not to be believed
   */
  saw(rows: readonly ClientRow[], refused: ReadonlySet<ClientRow>): void {
    const now = new Map<string, ClientRow>();
    for (const row of rows) {
      const known = refused.has(row) ? this.rows.get(row.clientId) : row;
      if (known) now.set(row.clientId, known);
    }
    for (const before of this.rows.values()) {
      const row = now.get(before.clientId);
      const change = row ? changeOf(before, row) : endOf(before, this.clock.now());
      if (change) void this.remember(change);
    }
    this.rows = now;
  }

  private async remember(change: ClientChange): Promise<void> {
    const at = this.clock.now();
    const payload = JSON.stringify(change);
    const record = { kind: KIND, key: change.clientId, version: at, at, payload };
    this.journal.settle(await this.journal.append(record));
  }

  private async restore(): Promise<number> {
    const [may] = await this.database.query<{ changed: boolean }>(
      `SELECT has_column_privilege('service_clients', 'key_hash', 'UPDATE') AS changed`,
    );
    let count = 0;
    for (const { id } of this.journal.remembered(KIND)) {
      const record = this.journal.read(id);
      if (!record) continue;
      const change = JSON.parse(record.payload) as ClientChange;
      if (await this.restoreOne(change, may?.changed ?? false)) count += 1;
    }
    return count;
  }

  /** What ends a client needs nobody's word; its keys are changed only where it can be believed. */
  private restoreOne(change: ClientChange, mayChange: boolean): Promise<boolean> {
    if (change.ended) return this.end(this.database.query, change);
    return this.database.transaction((query) =>
      this.authenticity.mend(query, change.clientId, () =>
        mayChange ? this.changeKeys(query, change) : this.end(query, change),
      ),
    );
  }

  private async changeKeys(query: Query, change: ClientChange): Promise<boolean> {
    const { clientId, keyHash, previousKeyHash, previousUntil, formerKeyHash } = change;
    const rows = await query(
      `UPDATE service_clients SET key_hash = decode($2, 'hex'),
         previous_key_hash = decode($3, 'hex'),
         previous_key_expires_at = to_timestamp($4::float8 / 1000.0)
       WHERE client_id = $1 AND revoked_at IS NULL
         AND key_hash IS NOT DISTINCT FROM decode($5, 'hex')
         AND key_hash IS DISTINCT FROM decode($2, 'hex') RETURNING 1`,
      [clientId, keyHash, previousKeyHash, previousUntil, formerKeyHash],
    );
    return rows.length > 0;
  }

  /** Ends a client, or its former key: for that the role of the vault need not have rights. */
  private async end(query: Query, change: ClientChange): Promise<boolean> {
    const { clientId, ended, keyHash, formerKeyHash, previousUntil } = change;
    if (!ended && (formerKeyHash === null || formerKeyHash === keyHash)) return false;
    const [row] = await query<{ done: boolean }>(
      `SELECT service_clients_end($1, decode($2, 'hex'), to_timestamp($3::float8 / 1000.0)) AS done`,
      [clientId, ended ? null : formerKeyHash, previousUntil],
    );
    const done = row?.done ?? false;
    // The new key is not given by somebody without the right: an operator has to make another.
    if (done && !ended) this.log.event('error', 'client.key_lost', { client_id: clientId });
    return done;
  }
}

function changeOf(before: ClientRow, row: ClientRow): ClientChange | undefined {
  if (row.keyHash === before.keyHash && row.previousKeyHash === before.previousKeyHash) {
    return undefined;
  }
  return {
    clientId: row.clientId,
    ended: false,
    keyHash: row.keyHash,
    previousKeyHash: row.previousKeyHash,
    previousUntil: row.previousKeyExpiresAt,
    formerKeyHash: before.keyHash,
  };
}

/** @returns undefined for one whose time was over: the database knows that by itself */
function endOf(before: ClientRow, now: number): ClientChange | undefined {
  if (before.expiresAt !== null && before.expiresAt <= now) return undefined;
  return {
    clientId: before.clientId,
    ended: true,
    keyHash: null,
    previousKeyHash: null,
    previousUntil: null,
    formerKeyHash: before.keyHash,
  };
}
