import { performance } from 'node:perf_hooks';
import { LIVING_MS, withoutOldWords } from './history-verdict.js';
import type { OtherReplica } from './history-verdict.js';

/** Milliseconds within which a process that lives has written: they write once a second. */
const FRESH_MS = 2000;

interface Heard {
  readonly replica: OtherReplica;
  /** When this process saw it write: its beat had grown. Monotonic; undefined when it has not. */
  readonly grewAtMs: number | undefined;
}

/** Milliseconds after which a process that does not beat while we do has ended. */
const ENDED_AFTER_MS = 60_000;

/**
 * The other processes that have worked with a database: those that it names now, and those that it
 * has forgotten together with the rest of its last seconds.
 */
export class KnownReplicas {
  /** All that were heard of since nothing was missing, as they were last. */
  private heard = new Map<string, Heard>();
  /** All that a history has named so far: a process that is gone now was taken over by another one. */
  private named = { incarnation: '', processes: new Set<string>() };
  /**
   * The last beat of each before the server went back that is the same one as before, until that has
   * been dealt with.
   */
  private heardBefore: ReadonlyMap<string, number> | undefined;
  /** The last beat of each that was seen to live when contact was lost, until nothing is missing again. */
  private livedAtLoss: ReadonlyMap<string, number> = new Map();
  private readonly beats = new Map<string, { beatAt: number; seenAtMs: number }>();

  /** Nothing is missing, and these are the others. */
  settled(others: readonly OtherReplica[]): void {
    this.heardBefore = undefined;
    this.livedAtLoss = new Map();
    this.hear(others);
    const processes = new Set(others.map(({ process }) => process));
    this.heard = new Map([...this.heard].filter(([process]) => processes.has(process)));
  }

  /**
   * Contact with the database was lost while nothing was missing. When the same server is back,
   * processes that were alive then work with it again if they write. If they do not write, nobody
   * knows what the server has forgotten.
   */
  lostContact(): void {
    const sinceMs = performance.now() - LIVING_MS;
    const living = [...this.heard].filter(([, { grewAtMs }]) => (grewAtMs ?? -Infinity) > sinceMs);
    this.livedAtLoss = new Map(living.map(([process, { replica }]) => [process, replica.beat]));
  }

  /** The server has gone back and is the same one as before: see {@link withoutOldWords}. */
  sameServerWentBack(): void {
    this.heardBefore = new Map(
      [...this.heard].map(([process, { replica }]) => [process, replica.beat]),
    );
    // What it named before the step, it may name no more.
    this.named = { incarnation: '', processes: new Set() };
  }

  /**
   * Those that a history names, by what of it is to be believed, and by what was seen of them.
   *
   * @param now the database's time
   */
  believed(named: readonly OtherReplica[], now: number): readonly OtherReplica[] {
    const nowMs = performance.now();
    const seen = named.map((other) => {
      const grewAtMs = this.heard.get(other.process)?.grewAtMs;
      return grewAtMs === undefined ? other : { ...other, seenMsAgo: nowMs - grewAtMs };
    });
    if (this.heardBefore) return withoutOldWords(seen, this.heardBefore);
    const silent = seen.filter(({ beatAt }) => Math.abs(now - beatAt) > FRESH_MS);
    const doubted = withoutOldWords(silent, this.livedAtLoss);
    return [...seen.filter((other) => !silent.includes(other)), ...doubted];
  }

  /**
   * A history names these. What it named before counts still when contact was lost in between and
   * the same history is asked once more.
   */
  names(incarnation: string, others: readonly OtherReplica[]): void {
    if (this.named.incarnation !== incarnation) this.named = { incarnation, processes: new Set() };
    for (const { process } of others) this.named.processes.add(process);
    this.hear(others);
  }

  /** Those that the history names, and those that it has forgotten. */
  all(named: readonly OtherReplica[], now: number): readonly OtherReplica[] {
    const { processes } = this.named;
    for (const { process } of named) processes.add(process);
    this.hear(named);
    const heard = [...this.heard.values()].map(({ replica }) => replica);
    const gone = heard.filter(({ process }) => !processes.has(process));
    return this.believed([...named, ...gone], now);
  }

  /** Processes that were silent for a minute while this one was not. */
  ended(others: readonly OtherReplica[]): string[] {
    const nowMs = performance.now();
    const ended: string[] = [];
    for (const { process, beatAt } of others) {
      const last = this.beats.get(process);
      if (last?.beatAt !== beatAt) this.beats.set(process, { beatAt, seenAtMs: nowMs });
      else if (nowMs - last.seenAtMs > ENDED_AFTER_MS) ended.push(process);
    }
    for (const process of this.beats.keys()) {
      if (!others.some((other) => other.process === process)) this.beats.delete(process);
    }
    return ended;
  }

  private hear(others: readonly OtherReplica[]): void {
    for (const replica of others) {
      const last = this.heard.get(replica.process);
      if (last && last.replica.beat >= replica.beat) continue;
      this.heard.set(replica.process, { replica, grewAtMs: last && performance.now() });
    }
  }
}
