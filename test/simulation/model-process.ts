import { Log, StorageUnavailableError } from '../../src/common/index.js';
import type { Clock } from '../../src/common/index.js';
import { Breaker, ProviderError, guard } from '../../src/providers/index.js';
import type { GuardedProvider, IssuedTokens } from '../../src/providers/index.js';
import { assembleRefresher } from '../../src/refresher/index.js';
import type { AssembledRefresher, RefresherSurroundings } from '../../src/refresher/index.js';
import { alive, judged } from '../../src/grants/index.js';
import type { ClaimedGrant, Grant, GrantKey, HeldAnswer, Lease } from '../../src/grants/index.js';
import type { RefreshOutcome } from '../../src/tokens/index.js';
import type { Disk } from './model-disk.js';
import type { ModelMemory, Owner } from './model-memory.js';
import type { ModelProvider } from './model-provider.js';
import { LIFETIME, PROVIDER_TIMEOUT } from './model-provider.js';
import type { ModelStore } from './model-store.js';
import { between } from './random.js';
import type { Random } from './random.js';
import type { VirtualClock } from './virtual-clock.js';

/** Milliseconds between two regular looks of the schedule. */
const INTERVAL = 5000;
/** Milliseconds between two words of a process to the database that it lives, and since when it rotates. */
const HEARTBEAT = 1000;

/** What a run watches a process do. */
export interface Watcher {
  presenting(grant: ClaimedGrant, process: string): void;
  presented(grant: ClaimedGrant, process: string): void;
  /** The provider did not look at the token: presenting it again is no second time. */
  turnedAway(grant: ClaimedGrant): void;
  /** The answer reached the process, which writes it down in the same turn. */
  received(grant: ClaimedGrant, process: string): void;
}

/** What all processes of a run share. */
export interface Surroundings {
  readonly clock: VirtualClock;
  readonly store: ModelStore;
  readonly provider: ModelProvider;
  readonly random: Random;
  readonly watcher: Watcher;
  /** Makes the provider's breaker of a process; the one of production unless given. */
  readonly breaker?: (clock: Clock, random: Random) => Breaker;
  /** Calls in flight of each process at most; four unless given. */
  readonly concurrency?: number;
  /** When the database was last reached after an outage. */
  readonly databaseSince: () => number;
  /** What a process knows of a database that may go back in time; it does not unless given. */
  readonly memory?: (owner: Owner) => ModelMemory;
}

/**
 * One vault process: the refresher as production assembles it, on a clock, a store and a provider
 * of the model. It can be killed at every await: from then on nothing it waits for ever comes.
 */
export class ModelProcess {
  private dead = false;
  private readonly assembled: AssembledRefresher;
  private readonly memory: ModelMemory | undefined;
  /** The claims under which refresh tokens are presented, by token. */
  private readonly claims = new Map<string, ClaimedGrant>();
  readonly startedAt: number;
  private entries = 0;

  constructor(
    readonly name: string,
    readonly disk: Disk,
    private readonly around: Surroundings,
  ) {
    const { clock: time, random } = around;
    this.startedAt = time.now();
    this.memory = around.memory?.({
      ...{ name, disk, call: (statement) => this.call(statement), leaseMs: 15_000 },
      leased: () => this.assembled.rotation.leased,
      oldest: () => this.assembled.rotation.oldest,
      recover: () => {
        this.assembled.recover();
      },
    });
    const { memory } = this;
    const clock: Clock = {
      now: () => (memory?.clock ?? time).now(),
      sleep: (milliseconds, signal) => this.mortal(time.sleep(milliseconds, signal)),
      after: (milliseconds, callback) =>
        time.after(milliseconds, () => {
          if (!this.dead) callback();
        }),
    };
    const breaker = (around.breaker ?? ((...needs) => new Breaker(...needs)))(clock, random);
    const guarded = guard(this.provider(), breaker, clock, around.concurrency ?? 4);
    const store = this.overTheWire();
    this.assembled = assembleRefresher(
      {
        store,
        trustStore: store,
        grants: { load: async (key: GrantKey) => this.reach(() => around.store.load(key)) },
        providers: { all: () => [guarded], find: () => guarded },
        reinstatement: { check: () => Promise.resolve() },
        sealer: {
          seal: (text) => Buffer.from(text),
          open: (sealed) => sealed.toString(),
          isOfAnother: () => false,
        },
        cache: { renew: (grant) => memory?.renew(grant) },
        ...this.directory(),
        contact: this,
        listener: {
          called: () => undefined,
          settled: () => undefined,
          refused: () => undefined,
          failed: () => undefined,
          retired: () => undefined,
          held: () => undefined,
          scopesDropped: () => undefined,
          suspected: () => undefined,
        },
        clock,
        log: new Log('silent'),
        history: memory?.history ?? { epoch: 0, mayBeOutdated: () => false },
        standing: () => memory?.standing() ?? { process: name, beat: 0, now: time.now(), epoch: 0 },
        random,
        periodicTasks: [],
      },
      {
        owner: name,
        policy: { mode: 'all', activeWindow: 0 },
        providerTimeoutMs: PROVIDER_TIMEOUT,
        leadMs: LIFETIME * 0.4,
        intervalMs: INTERVAL,
      },
    );
    disk.marks.set(name, this);
    this.assembled.recover();
    this.assembled.start();
  }

  /** Milliseconds of uninterrupted contact with the database; 0 while it is away. */
  get contactFor(): number {
    if (this.memory) return this.memory.contactFor;
    const { clock, store, databaseSince } = this.around;
    return store.available ? clock.now() - Math.max(this.startedAt, databaseSince()) : 0;
  }

  /** Milliseconds since the database's clock was found to be stepped. */
  get inStepForMs(): number {
    return this.memory?.clock.inStepForMs ?? Infinity;
  }

  /** Whether the database has it from this process that it has rotations since before that time. */
  holdsSince(time: number): boolean {
    return !this.dead && this.contactFor >= HEARTBEAT && this.oldest <= time;
  }

  private get oldest(): number {
    return this.assembled.rotation.oldest ?? Infinity;
  }

  get ended(): boolean {
    return this.dead;
  }

  /** Whether it has no rotation under way. */
  get idle(): boolean {
    return this.oldest === Infinity;
  }

  /**
   * What tells later whether it has noticed, and said so, that its database goes back now; undefined when
   * it never will, as the database has not heard of it.
   */
  get noticing(): (() => boolean) | undefined {
    const { memory } = this;
    if (memory?.lastHeardIn === undefined) return undefined;
    const { epoch } = memory.history;
    return () => !this.dead && (memory.lastHeardIn ?? 0) > epoch;
  }

  /** The end of the process, in the middle of whatever it does. */
  kill(): void {
    this.dead = true;
  }

  /** A reader who needs a token; undefined when the process dies under the reader's hands. */
  async read(key: GrantKey): Promise<RefreshOutcome | undefined> {
    const grant: Grant | undefined = await this.reach(() => this.around.store.load(key));
    if (grant?.status !== 'active') return undefined;
    return this.assembled.refresher.refresh(grant, { kind: 'reader', minTtl: 3 });
  }

  /** Whether a reader is served this, as `TokenReader` decides it. */
  serves(grant: Grant): boolean {
    const clock = this.memory?.clock;
    if (!clock) return (grant.expiresAt ?? 0) > this.around.clock.now();
    return alive(judged(grant, clock), clock.now());
  }

  /** As after an outage: what is in the spool and not in memory is committed. */
  recover(): void {
    this.assembled.recover();
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

  /** The same, but for a process that does not work with the database now. */
  private reach<T>(statement: () => T): Promise<T> {
    if (this.memory?.available === false) return Promise.reject(new StorageUnavailableError());
    return this.call(statement);
  }

  private provider(): GuardedProvider['provider'] {
    return {
      name: 'model',
      capabilities: {
        echoesState: true,
        scopes: true,
        revokes: true,
        revocation: 'token',
        prefill: false,
      },
      issuer: undefined,
      defaultScopes: [],
      requiredScopes: [],
      authorizationUrl: () => '',
      exchangeCode: () => Promise.reject(new Error('not part of the model')),
      refresh: (token) => this.present(token),
      understand: () => {
        throw new Error('not part of the model');
      },
      revoke: () => Promise.resolve(),
    };
  }

  /** Presents a refresh token under the watcher's eyes. */
  private async present(token: string): Promise<IssuedTokens> {
    const { watcher, provider } = this.around;
    const grant = this.claims.get(token);
    if (!grant) throw new Error(`${token} presented without a claim`);
    watcher.presenting(grant, this.name);
    try {
      const issued = await this.mortal(provider.call(token));
      watcher.received(grant, this.name);
      return issued;
    } catch (error) {
      const kind = error instanceof ProviderError ? error.kind : undefined;
      if (kind === 'rate_limited') watcher.turnedAway(grant);
      throw error;
    } finally {
      watcher.presented(grant, this.name);
    }
  }

  private async claim(lease: Lease, statement: () => ClaimedGrant[]): Promise<ClaimedGrant[]> {
    const { memory } = this;
    const claimed = await this.reach(() => (memory?.admits(lease) === false ? [] : statement()));
    const { epoch } = lease;
    for (const grant of claimed) this.claims.set(grant.refreshToken?.toString() ?? '', grant);
    return claimed.map((grant) => ({ ...grant, epoch }));
  }

  private overTheWire(): RefresherSurroundings['store'] & RefresherSurroundings['trustStore'] {
    const { store } = this.around;
    return {
      // Two statements: those in doubt, then those that are due.
      claimDue: async (provider: string, limit: number, lease: Lease) => {
        const doubtful = await this.claim(lease, () => store.claimInDoubt(provider, limit, lease));
        const left = limit - doubtful.length;
        if (left <= 0) return doubtful;
        return [
          ...doubtful,
          ...(await this.claim(lease, () => store.claimDue(provider, left, lease))),
        ];
      },
      claimOne: async (key, version, lease) => {
        const [claimed] = await this.claim(lease, () => {
          const found = store.claimOne(key, version, lease);
          return found ? [found] : [];
        });
        return claimed;
      },
      nextDueIn: () => this.reach(() => store.nextDueIn()),
      commit: (...args: Parameters<ModelStore['commit']>) =>
        this.reach(() => store.commit(...args)),
      fail: (...args: Parameters<ModelStore['fail']>) =>
        this.reach(() => {
          store.fail(...args);
        }),
      release: (...args: Parameters<ModelStore['release']>) =>
        this.reach(() => {
          store.release(...args);
        }),
      renewLeases: (...args) =>
        this.reach(() => {
          store.renewLeases(...args);
        }),
      shortenLeases: (...args: Parameters<ModelStore['shortenLeases']>) =>
        this.reach(() => store.shortenLeases(...args)),
      retire: (...args: Parameters<ModelStore['retire']>) =>
        this.reach(() => store.retire(...args)),
      claimProbe: (provider, lease, doubtFirst) =>
        this.claim(lease, () => store.claimProbe(provider, lease, doubtFirst)),
      hold: (held) =>
        this.reach(() => {
          store.hold(held);
        }),
      suspectProvider: (provider) =>
        this.reach(() => {
          store.suspectProvider(provider);
        }),
      trustProvider: (provider, askedAt) =>
        this.reach(() => {
          store.trustProvider(provider, askedAt);
        }),
      giveTurn: (provider, askedAt) =>
        this.reach(() => {
          store.giveTurn(provider, askedAt);
        }),
      caution: (provider) => this.reach(() => store.caution(provider)),
    };
  }

  private directory(): Pick<RefresherSurroundings, 'shelf' | 'heldShelf' | 'processes'> {
    const { entries, marks } = this.disk;
    const held = new Map<string, HeldAnswer>();
    const remove = (entry: string | undefined) => {
      if (entry) entries.delete(entry);
    };
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
        write: (result) => {
          const entry = `${this.name}-${String(this.entries++)}`;
          entries.set(entry, result);
          return Promise.resolve(entry);
        },
        settle: (entry, version) => {
          this.disk.settle(entry, version);
        },
        discard: remove,
        setAside: () => undefined,
      },
      heldShelf: {
        list: () => [...held.keys()],
        read: (entry) => {
          const item = held.get(entry);
          return item && { entry, item, version: item.version };
        },
        write: (item) => {
          const entry = `${this.name}-${String(this.entries++)}`;
          held.set(entry, item);
          return Promise.resolve(entry);
        },
        settle: (entry) => {
          if (entry) held.delete(entry);
        },
      },
      processes: {
        dead: () => [...marks].filter(([, { ended }]) => ended).map(([name]) => name),
        forget: (name) => marks.delete(name),
      },
    };
  }
}
