import { StorageUnavailableError } from '../../src/common/index.js';

/** A process as the database knows it. */
interface Replica {
  readonly process: string;
  readonly beat: number;
  readonly beatAt: number;
  readonly incarnation: string;
  readonly stage: number;
  readonly heldSince: number | null;
}

interface State {
  readonly counter: number;
  readonly advancedAt: number;
  readonly replicas: ReadonlyMap<string, Replica>;
}

/** Milliseconds for which a process that beats no more counts as alive. */
const ALIVE = 4000;
/** That a process has compared the history with what it remembers, and works in it. */
const OPEN = 3;

/**
 * `stitch_history` and `stitch_replicas` as a model: answers the statements of `history.store.ts`,
 * which it knows by their beginnings.
 */
export class ModelHistory {
  /** Another one after a failover, or a restart of the server. */
  incarnation = '1';
  writable = true;
  /** How often it was noted that something is lost for good. */
  losses = 0;
  private state: State;

  constructor(private readonly clock: { now(): number }) {
    this.state = { counter: 0, advancedAt: clock.now(), replicas: new Map() };
  }

  /** As it is, to be brought back later. States are never changed. */
  save(): State {
    return this.state;
  }

  bringBack(state: State): void {
    this.state = state;
  }

  /** What `inKnownHistory` says. */
  knows(process: string, beat: number): boolean {
    const replica = this.state.replicas.get(process);
    return (
      replica !== undefined &&
      replica.beat >= beat &&
      replica.stage === OPEN &&
      replica.incarnation === this.incarnation
    );
  }

  /** Whether a lease that ended is its owner's all the same, as `runOut` asks it. */
  holds(process: string, leaseExpiresAt: number): boolean {
    const replica = this.state.replicas.get(process);
    if (!replica || Math.abs(this.clock.now() - replica.beatAt) > ALIVE) return false;
    const { heldSince, beatAt } = replica;
    return (heldSince !== null && heldSince <= leaseExpiresAt) || beatAt <= leaseExpiresAt;
  }

  /** @throws StorageUnavailableError for what writes, while nothing can be written */
  answer(sql: string, parameters: readonly unknown[] = []): object[] {
    const statement = sql.trim();
    if (statement.includes('to_regclass')) return [{ exists: true }];
    if (statement.startsWith('SELECT stitch_incarnation()'))
      return [{ incarnation: this.incarnation }];
    if (statement.includes('FROM stitch_history h')) return [this.read()];
    if (!this.writable) throw new StorageUnavailableError();
    if (statement.startsWith('WITH h AS')) return [this.beat(parameters)];
    if (statement.startsWith('DELETE FROM stitch_replicas')) {
      const [gone] = parameters as [string[]];
      const left = [...this.state.replicas].filter(([process]) => !gone.includes(process));
      this.state = { ...this.state, replicas: new Map(left) };
      return [];
    }
    if (statement.startsWith('UPDATE stitch_history SET incomplete_before')) {
      this.losses += 1;
      return [];
    }
    throw new Error(`not part of the model: ${statement.slice(0, 60)}`);
  }

  private read() {
    const { counter, advancedAt, replicas } = this.state;
    const shown = [...replicas.values()].map(({ beatAt, ...replica }) => ({
      ...replica,
      at: beatAt,
    }));
    return {
      now: this.clock.now(),
      incarnation: this.incarnation,
      ...{ origin: 'model', recorded: 'model', paused: null, incomplete: null },
      counter: String(counter),
      advanced: advancedAt,
      replicas: shown,
    };
  }

  private beat([process, beat, incarnation, stage, heldSince, least]: readonly unknown[]) {
    const beatAt = this.clock.now();
    const counter = Math.max(this.state.counter, Number(least)) + 1;
    const replicas = new Map(this.state.replicas);
    const replica = { process, beat, beatAt, incarnation, stage, heldSince } as Replica;
    replicas.set(replica.process, replica);
    this.state = { counter, advancedAt: beatAt, replicas };
    return { counter: String(counter), at: beatAt };
  }
}
