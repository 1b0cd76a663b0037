import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Log, StorageUnavailableError } from '../common/index.js';
import type { Caller } from '../common/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import { Database, DatabaseClock, Notifications, StaleTrust } from '../database/index.js';
import { ClientIndex } from './client-index.js';
import { ClientMemory } from './client-memory.js';
import type { Credential } from './client-index.js';
import { ClientAuthenticity } from './client-authenticity.js';
import { VALID, VOUCHED_COLUMNS, readVouched } from './client-row.js';
import type { VouchedClient } from './client-row.js';

/** Milliseconds between looks at whether any client changed, also when nothing was heard. */
const LOOK_MS = 2000;
/** Milliseconds for which what was read is relied on while changes are heard of: two looks missed. */
const HEARD_TRUST_MS = 5000;
/** Milliseconds for which it is relied on while they can't be heard of. */
const UNHEARD_TRUST_MS = 1000;
/** Milliseconds at least from one look to the next, so that strangers can't make them many. */
const LOOK_GAP_MS = 20;
/** Milliseconds between two notes of when clients were last used. */
const NOTE_USE_MS = 30_000;

/**
 * Changes with every row that is added, changed or removed: the transactions that wrote the rows,
 * added up. Not the highest one, for transactions do not commit in the order of their numbers.
 */
const REVISION = `SELECT count(*) || ':' || coalesce(sum(xmin::text::bigint), 0) AS revision
  FROM service_clients`;

/**
 * Knows all valid clients, so that finding one waits for nobody. Read anew when a change is heard
 * of, and looked at every few seconds in case one was not. Somebody who is not found is looked for
 * in the table, however many at once by one small statement; nothing is kept of strangers.
 */
@Injectable()
export class ClientDirectory implements OnModuleInit {
  private index = new ClientIndex([]);
  private revision: string | undefined;
  /** Monotonic time at which the look began that the index is right by. */
  private readAt = -Infinity;
  private changedAt = -Infinity;
  private lookedAt = -Infinity;
  private looking: Promise<void> | undefined;
  private lookingNext: Promise<void> | undefined;
  private readonly used = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly notifications: Notifications,
    private readonly clock: DatabaseClock,
    private readonly trust: StaleTrust,
    private readonly memory: ClientMemory,
    private readonly authenticity: ClientAuthenticity,
    private readonly log: Log,
    works: BackgroundWorks,
  ) {
    works.every('note-client-use', NOTE_USE_MS, () => this.noteUse());
  }

  async onModuleInit(): Promise<void> {
    this.notifications.on('client', () => {
      this.changedAt = performance.now();
      void this.keepUp();
    });
    this.database.onRecovery(() => void this.keepUp());
    await this.keepUp();
  }

  /**
   * The caller with this credential by what is in memory, if that can be relied on now. Undefined
   * says nothing: {@link find} has to be asked then.
   */
  known(credential: Credential): Caller | undefined {
    return this.isCurrent() ? this.lookUp(credential) : undefined;
  }

  /**
   * The caller with this credential; undefined for one that is unknown, revoked or expired. While
   * the database is away, what was known is believed for `STALE_TRUST`.
   *
   * @throws StorageUnavailableError
   */
  async find(credential: Credential): Promise<Caller | undefined> {
    try {
      await this.look();
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      const caller = this.lookUp(credential);
      if (!caller) throw error;
      this.trust.assert('client');
      return caller;
    }
    return this.lookUp(credential);
  }

  @Interval('look-at-clients', LOOK_MS)
  async keepUp(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      // Whoever needs it looks again, and is told.
      if (!(error instanceof StorageUnavailableError)) this.log.failure('clients.unread', error);
    }
  }

  private async noteUse(): Promise<void> {
    if (this.used.size === 0) return;
    const ids = [...this.used];
    this.used.clear();
    try {
      await this.database.query(
        'UPDATE service_clients SET last_used_at = now() WHERE client_id = ANY($1::uuid[])',
        [ids],
      );
    } catch (error) {
      // A note for operators only: not worth keeping while the database is away.
      if (!(error instanceof StorageUnavailableError)) this.log.failure('clients.unnoted', error);
    }
  }

  private isCurrent(): boolean {
    if (this.changedAt >= this.readAt) return false;
    const heard = this.notifications.healthy && this.readAt >= this.notifications.since;
    return performance.now() - this.readAt < (heard ? HEARD_TRUST_MS : UNHEARD_TRUST_MS);
  }

  private lookUp(credential: Credential): Caller | undefined {
    const caller = this.index.find(credential, this.clock.now());
    if (caller) this.used.add(caller.id);
    return caller;
  }

  /** Looks at the table, beginning after this call; those who call meanwhile share the next look. */
  private look(): Promise<void> {
    if (!this.looking) {
      this.looking = this.lookNow().finally(() => {
        this.looking = undefined;
      });
      return this.looking;
    }
    const begin = () => {
      this.lookingNext = undefined;
      return this.look();
    };
    this.lookingNext ??= this.looking.then(begin, begin);
    return this.lookingNext;
  }

  private async lookNow(): Promise<void> {
    const wait = this.lookedAt + LOOK_GAP_MS - performance.now();
    if (wait > 0) await delay(wait, undefined, { ref: false });
    this.lookedAt = performance.now();
    const at = this.lookedAt;
    const [seen] = await this.database.query<{ revision: string }>(REVISION);
    if (seen?.revision !== this.revision) {
      const rows = await this.database.query<VouchedClient>(
        `SELECT ${VOUCHED_COLUMNS} FROM service_clients c WHERE ${VALID}`,
      );
      const { genuine, refused } = await this.authenticity.sift(
        this.database.query,
        rows.map(readVouched),
      );
      this.index = new ClientIndex(genuine);
      this.memory.saw(rows, refused);
      this.revision = seen?.revision;
    }
    this.readAt = at;
  }
}
