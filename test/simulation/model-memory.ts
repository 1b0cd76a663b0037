import { Log } from '../../src/common/index.js';
import { DatabaseClock, History } from '../../src/database/index.js';
import type { Query } from '../../src/database/index.js';
import { grantKeyText } from '../../src/grants/index.js';
import type {
  Grant,
  GrantVersion,
  Lease,
  LeasedGrant,
  RememberedGrant,
} from '../../src/grants/index.js';
import { RememberedRotations } from '../../src/refresher/remembered-rotations.js';
import type { Disk } from './model-disk.js';
import type { ModelHistory } from './model-history.js';
import type { ModelStore, Sabotage } from './model-store.js';
import type { VirtualClock } from './virtual-clock.js';

/** Milliseconds between pulses while the database answers, and while it does not. */
const BEAT = 1000;
const RETRY = 250;
/** Asked for to find out whether the database is there. */
const NOBODY = { provider: '', userId: '', connection: '' };
/** Milliseconds for which what was committed is remembered. */
const RETENTION = 120_000;

/** What the processes of a run share that has a database which goes back in time. */
export interface Past {
  readonly clock: VirtualClock;
  /** The clock of the database, which may be stepped. */
  readonly databaseClock: { now(): number };
  readonly store: ModelStore;
  readonly history: ModelHistory;
  readonly sabotage: Sabotage;
}

/** What a process is to be asked, and told, in this. */
export interface Owner {
  readonly name: string;
  readonly disk: Disk;
  /** One statement, there and back. */
  call<T>(statement: () => T): Promise<T>;
  readonly leased: () => readonly LeasedGrant[];
  readonly oldest: () => number | undefined;
  readonly leaseMs: number;
  readonly recover: () => void;
}

/**
 * What a process knows of a database that may go back in time: `History`, `DatabaseClock` and
 * `RememberedRotations` as in production, and a heartbeat in place of production's.
 */
export class ModelMemory {
  readonly history: History;
  readonly clock = new DatabaseClock();
  private readonly cache = new Map<string, Grant>();
  private contactSince: number | undefined;
  private heardIn: number | undefined;

  constructor(
    private readonly past: Past,
    private readonly owner: Owner,
  ) {
    const { disk, name } = owner;
    this.history = new History(
      { commitRetentionMs: RETENTION, directory: '' },
      { value: name },
      new Log('silent'),
    );
    this.history.onQuestion = () => {
      this.contactSince = undefined;
    };
    this.history.heldSince = owner.oldest;
    this.history.inherited = () => disk.others(name);
    const remembered = new RememberedRotations(
      {
        shelf: disk.shelf(),
        cache: { grants: () => this.cache.values() },
        store: this.restoring(),
        leased: owner.leased,
      },
      owner.leaseMs,
    );
    if (past.sabotage.memory !== true) {
      this.history.onForgotten('rotations', (step) => remembered.restore(step));
      this.history.onForgotten('leases', (step) => remembered.lease(step));
    }
    void this.live();
  }

  /** Milliseconds of contact. Not because the database answers: because it has taken a write. */
  get contactFor(): number {
    return this.contactSince === undefined ? 0 : this.past.clock.now() - this.contactSince;
  }

  renew(grant: Grant): void {
    this.cache.set(grantKeyText(grant), grant);
  }

  standing() {
    const { history, clock } = this;
    return {
      process: this.owner.name,
      beat: history.lastBeat,
      now: this.past.sabotage.clocks === true ? Infinity : clock.leaseNow(),
      epoch: history.epoch,
    };
  }

  /** Whether a claim finds anything. */
  admits({ process, beat }: Lease): boolean {
    return this.past.sabotage.history === true || this.past.history.knows(process, beat);
  }

  /** Whether statements go out at all. */
  get available(): boolean {
    return this.contactSince !== undefined;
  }

  /** The epoch in which the database has heard of it last; undefined when it never has. */
  get lastHeardIn(): number | undefined {
    return this.heardIn;
  }

  private async live(): Promise<void> {
    const { past, owner } = this;
    for (;;) {
      await this.beat();
      await owner.call(() => undefined);
      await past.clock.sleep(this.available ? BEAT : RETRY);
    }
  }

  private async beat(): Promise<void> {
    const { past, owner, history, clock } = this;
    const before = this.available;
    try {
      const asked = past.clock.now();
      const call = <T>(statement: () => T) =>
        owner.call(() => {
          past.store.load(NOBODY);
          return statement();
        });
      clock.set(await call(() => past.databaseClock.now()), asked, past.clock.now());
      const query = (async (sql: string, parameters?: unknown[]) =>
        call(() => past.history.answer(sql, parameters))) as Query;
      const there = await history.check(query);
      this.heardIn = history.epoch;
      if (!there) this.contactSince = undefined;
      else this.contactSince ??= past.clock.now();
    } catch {
      this.contactSince = undefined;
      history.lostContact();
    }
    if (this.available && !before) owner.recover();
  }

  private restoring() {
    const { store } = this.past;
    const { owner } = this;
    return {
      forgotten: <T extends GrantVersion>(grants: readonly T[]) =>
        owner.call(() => store.forgotten(grants)),
      restore: (grants: readonly RememberedGrant[], late: boolean) =>
        owner.call(() => store.restore(grants, late)),
      lease: (
        grants: readonly LeasedGrant[],
        duration: number,
        untouched: ReadonlySet<LeasedGrant>,
      ) => owner.call(() => store.leaseAnew(grants, duration, untouched)),
    };
  }
}
