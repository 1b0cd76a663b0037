import { Log } from '../../src/common/index.js';
import type { Clock } from '../../src/common/index.js';
import { Breaker, ConcurrencyLimit, ProviderError } from '../../src/providers/index.js';
import type { GuardedProvider } from '../../src/providers/index.js';
import { CommitQueue, Recovery, Refresher, Rotation } from '../../src/refresher/index.js';
import type { AnswerShelf, RecoveryDependencies } from '../../src/refresher/index.js';
import type {
  ClaimedGrant,
  Grant,
  GrantKey,
  Lease,
  RotationResult,
} from '../../src/grants/index.js';
import type { RefreshOutcome } from '../../src/tokens/index.js';
import type { ModelProvider } from './model-provider.js';
import { LIFETIME, PROVIDER_TIMEOUT } from './model-provider.js';
import type { ModelStore } from './model-store.js';
import { between } from './random.js';
import type { Random } from './random.js';
import type { VirtualClock } from './virtual-clock.js';

const LEASE = PROVIDER_TIMEOUT + 5000;
const TAKE_OVER_AFTER = 4000;
/** Milliseconds between two looks of the schedule, at most. */
const INTERVAL = 8000;

/** What a run watches a process do. */
export interface Watcher {
  presenting(grant: ClaimedGrant, process: string): void;
  presented(grant: ClaimedGrant, process: string): void;
  /** The provider did not look at the token: presenting it again is no second time. */
  turnedAway(grant: ClaimedGrant): void;
  /** The answer reached the process, which writes it down in the same turn. */
  received(grant: ClaimedGrant, process: string): void;
}

/** The spool directory of one replica, or of several: outlives its processes. */
export class Disk {
  readonly entries = new Map<string, RotationResult>();
  /** Processes that have begun to work with it and have not ended in order. */
  readonly marks = new Map<string, ModelProcess>();
}

/** What all processes of a run share. */
export interface Surroundings {
  readonly clock: VirtualClock;
  readonly store: ModelStore;
  readonly provider: ModelProvider;
  readonly random: Random;
  readonly watcher: Watcher;
  /** When the database was last reached after an outage. */
  readonly databaseSince: () => number;
}

/**
 * One vault process: the real rotation, refresher, commit queue, breaker and limit, on a clock, a
 * store and a provider of the model. It can be killed at every await: from then on nothing it
 * waits for ever comes.
 */
export class ModelProcess {
  private dead = false;
  private readonly refresher: Refresher;
  private readonly commits: CommitQueue;
  private readonly recovery: Recovery;
  private readonly guarded: GuardedProvider;
  readonly startedAt: number;
  private entries = 0;

  constructor(
    readonly name: string,
    readonly disk: Disk,
    private readonly around: Surroundings,
  ) {
    const { clock: time, random, provider, watcher } = around;
    this.startedAt = time.now();
    const clock: Clock = {
      now: () => time.now(),
      sleep: (milliseconds, signal) => this.mortal(time.sleep(milliseconds, signal)),
    };
    const store = this.overTheWire();
    const log = new Log('silent');
    this.commits = new CommitQueue(store, this.shelf(), clock, log);
    const { shelf, marks } = this.directory();
    this.recovery = new Recovery(
      { shelf, marks, commits: this.commits, store, clock, log },
      { answerDeadline: PROVIDER_TIMEOUT + 1000, lastRequest: PROVIDER_TIMEOUT },
    );
    const settings = { providerTimeout: PROVIDER_TIMEOUT };
    const rotation = new Rotation(
      {
        store,
        commits: this.commits,
        sealer: { seal: (text) => Buffer.from(text), open: (sealed) => sealed.toString() },
        clock,
        log,
        listener: {
          called: () => undefined,
          settled: () => undefined,
          failed: () => undefined,
          retired: () => undefined,
        },
        cache: { renew: () => undefined },
        random,
      },
      { ...settings, lead: LIFETIME * 0.4 },
    );
    this.guarded = {
      provider: {
        name: 'model',
        capabilities: {
          echoesState: true,
          scopes: true,
          revokes: true,
          prefill: false,
        },
        issuer: undefined,
        defaultScopes: [],
        requiredScopes: [],
        authorizationUrl: () => '',
        exchangeCode: () => Promise.reject(new Error('not part of the model')),
        refresh: (token) => this.mortal(provider.call(token)),
        understand: () => {
          throw new Error('not part of the model');
        },
        revoke: () => Promise.resolve(),
      },
      breaker: new Breaker(clock, random),
      limit: new ConcurrencyLimit(4),
    };
    this.refresher = new Refresher(
      {
        store,
        grants: { load: async (key: GrantKey) => this.call(() => around.store.load(key)) },
        providers: { find: () => this.guarded },
        rotation: {
          rotate: (grant, guarded) => {
            const refresh = async (token: string) => {
              watcher.presenting(grant, name);
              try {
                const issued = await guarded.provider.refresh(token);
                watcher.received(grant, name);
                return issued;
              } catch (error) {
                const kind = error instanceof ProviderError ? error.kind : undefined;
                if (kind === 'rate_limited') watcher.turnedAway(grant);
                throw error;
              } finally {
                watcher.presented(grant, name);
              }
            };
            const provider = { ...guarded.provider, refresh };
            return rotation.rotate(grant, { ...guarded, provider });
          },
        },
        reinstatement: { check: () => Promise.resolve() },
        commits: this.commits,
        clock,
        random,
        onRetired: () => undefined,
      },
      {
        ...settings,
        owner: name,
        policy: { mode: 'all', activeWindow: 0 },
        leaseDuration: LEASE,
        mayTakeOver: () => {
          const since = Math.max(this.startedAt, around.databaseSince());
          if (!around.store.available || time.now() - since <= TAKE_OVER_AFTER) return false;
          this.recovery.recoverAbandoned();
          return !this.recovery.busy;
        },
        onFailure: () => undefined,
      },
    );
    disk.marks.set(name, this);
    this.recover();
    void this.schedule(clock);
  }

  /** The end of the process, in the middle of whatever it does. */
  kill(): void {
    this.dead = true;
  }

  /** A reader who needs a token; undefined when the process dies under the reader's hands. */
  async read(key: GrantKey): Promise<RefreshOutcome | undefined> {
    const grant: Grant | undefined = await this.call(() => this.around.store.load(key));
    if (grant?.status !== 'active') return undefined;
    return this.refresher.refresh(grant, { kind: 'reader', minTtl: 3 });
  }

  /** As after an outage: what is in the spool and not in hand is committed. */
  recover(): void {
    void this.recovery
      .recoverAll()
      .then(() => this.recovery.settleDead())
      .catch(() => undefined);
  }

  private async schedule(clock: Clock): Promise<void> {
    for (;;) {
      await clock.sleep(INTERVAL * this.around.random());
      await this.recovery.settleDead().catch(() => undefined);
      await this.refresher.runDue(this.guarded).catch(() => undefined);
    }
  }

  /** Nothing reaches a dead process. */
  private mortal<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => {
          if (!this.dead) resolve(value);
        },
        (error: unknown) => {
          if (!this.dead) reject(error instanceof Error ? error : new Error('unknown'));
        },
      );
    });
  }

  /** One statement: there, done, and back; the process may die before it and before the answer. */
  private async call<T>(statement: () => T): Promise<T> {
    const { clock, random } = this.around;
    // Now and then the wire is slow: long enough for a kill to fall between a deed and its answer.
    const hop = () => this.mortal(clock.sleep(between(random, 0, random() < 0.1 ? 500 : 5)));
    await hop();
    const answer = statement();
    await hop();
    return answer;
  }

  private overTheWire() {
    const { store } = this.around;
    return {
      // Two statements: those in doubt, then those that are due.
      claimDue: async (provider: string, limit: number, lease: Lease) => {
        const doubtful = await this.call(() => store.claimInDoubt(provider, limit, lease));
        const left = limit - doubtful.length;
        return [...doubtful, ...(await this.call(() => store.claimDue(provider, left, lease)))];
      },
      claimOne: (...args: Parameters<ModelStore['claimOne']>) =>
        this.call(() => store.claimOne(...args)),
      commit: (...args: Parameters<ModelStore['commit']>) => this.call(() => store.commit(...args)),
      fail: (...args: Parameters<ModelStore['fail']>) =>
        this.call(() => {
          store.fail(...args);
        }),
      release: (...args: Parameters<ModelStore['release']>) =>
        this.call(() => {
          store.release(...args);
        }),
      shortenLeases: (...args: Parameters<ModelStore['shortenLeases']>) =>
        this.call(() => store.shortenLeases(...args)),
      retire: (...args: Parameters<ModelStore['retire']>) => this.call(() => store.retire(...args)),
    };
  }

  private directory(): Pick<RecoveryDependencies, 'shelf' | 'marks'> {
    const { entries, marks } = this.disk;
    return {
      shelf: {
        list: (before) =>
          [...entries]
            .filter(([, { obtainedAt }]) => obtainedAt < (before ?? Infinity))
            .sort(([, a], [, b]) => a.obtainedAt - b.obtainedAt)
            .map(([entry]) => entry),
        read: (entry) => {
          const item = entries.get(entry);
          return item && { entry, item, version: item.version + 1 };
        },
      },
      marks: {
        dead: () => [...marks].filter(([, { dead }]) => dead).map(([name]) => name),
        forget: (name) => marks.delete(name),
      },
    };
  }

  private shelf(): AnswerShelf {
    const { entries } = this.disk;
    return {
      write: (result) => {
        const entry = `${this.name}-${String(this.entries++)}`;
        entries.set(entry, result);
        return Promise.resolve(entry);
      },
      settle: (entry) => {
        if (entry) entries.delete(entry);
      },
      discard: (entry) => {
        if (entry) entries.delete(entry);
      },
      setAside: () => undefined,
    };
  }
}
