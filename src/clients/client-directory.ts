import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { LRUCache } from 'lru-cache';
import { KeyedSingleFlight, StorageUnavailableError } from '../common/index.js';
import { Database, Notifications } from '../database/index.js';
import { hashApiKey } from './api-key.js';

/** Keys remembered at most, valid and invalid ones together. */
const CAPACITY = 10_000;
/** Milliseconds an entry is trusted for while changes elsewhere can't be heard of. */
const UNHEARD_TRUST = 1000;
/** Milliseconds between two notes of when clients were last used. */
const NOTE_USE = 30_000;

/** A caller as the guard needs to know it. */
export interface KnownClient {
  readonly name: string;
  readonly scopes: ReadonlySet<string>;
}

interface Entry {
  /** Undefined: there is no such key, or it is revoked. */
  readonly client: KnownClient | undefined;
  readonly readAt: number;
}

/**
 * Finds clients by their API key. Cached by the key's hash, also the keys that do not exist, so
 * that neither a warm read nor a guesser reaches the database; dropped when any client changes.
 */
@Injectable()
export class ClientDirectory implements OnModuleInit {
  private readonly entries = new LRUCache<string, Entry>({ max: CAPACITY });
  private readonly lookups = new KeyedSingleFlight<KnownClient | undefined>();
  private readonly used = new Set<string>();
  private changedAt = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly notifications: Notifications,
  ) {}

  onModuleInit(): void {
    this.notifications.on('client', () => {
      this.changedAt = performance.now();
      this.entries.clear();
    });
  }

  /** @returns the client, or undefined for an unknown or revoked key. @throws StorageUnavailableError */
  async find(key: string): Promise<KnownClient | undefined> {
    const hash = hashApiKey(key);
    const entry = this.entries.get(hash);
    const client =
      entry && this.trusted(entry)
        ? entry.client
        : await this.lookups.run(hash, () => this.lookUp(hash, entry));
    if (client) this.used.add(client.name);
    return client;
  }

  @Interval('note-client-use', NOTE_USE)
  async noteUse(): Promise<void> {
    if (this.used.size === 0) return;
    const names = [...this.used];
    this.used.clear();
    try {
      await this.database.query(
        'UPDATE service_clients SET last_used_at = now() WHERE name = ANY($1)',
        [names],
      );
    } catch (error) {
      // A note for operators only: not worth keeping while the database is away.
      if (!(error instanceof StorageUnavailableError)) throw error;
    }
  }

  private trusted(entry: Entry): boolean {
    if (this.notifications.healthy && entry.readAt >= this.notifications.since) return true;
    return performance.now() - entry.readAt < UNHEARD_TRUST;
  }

  private async lookUp(hash: string, known: Entry | undefined): Promise<KnownClient | undefined> {
    const readAt = performance.now();
    try {
      const [row] = await this.database.query<{ name: string; scopes: string[] }>(
        'SELECT name, scopes FROM service_clients WHERE key_hash = $1 AND revoked_at IS NULL',
        [Buffer.from(hash, 'hex')],
      );
      const client = row && { name: row.name, scopes: new Set(row.scopes) };
      // A change while this was read may not be in it.
      if (this.changedAt < readAt) this.entries.set(hash, { client, readAt });
      return client;
    } catch (error) {
      // Nobody can have revoked it while the database is away.
      if (error instanceof StorageUnavailableError && known?.client) return known.client;
      throw error;
    }
  }
}
