import { performance } from 'node:perf_hooks';
import { withoutOldWords } from './history-verdict.js';
import type { OtherReplica } from './history-verdict.js';

/** Milliseconds after which a process that does not beat while we do has ended. */
const ENDED_AFTER_MS = 60_000;

/**
 * The other processes that have worked with a database: those that it names now, and those that it
 * has forgotten together with the rest of its last seconds.
 */
export class KnownReplicas {
  /** Those that were named when nothing was missing. */
  private before: readonly OtherReplica[] = [];
  /** All that a history has named so far: a process that is gone now was taken over by another one. */
  private named = { incarnation: '', processes: new Set<string>() };
  /** Whether the server that went back is the same one as before, until that has been dealt with. */
  private sameServer = false;
  private readonly beats = new Map<string, { beatAt: number; seenAtMs: number }>();

  /** Nothing is missing, and these are the others. */
  settled(others: readonly OtherReplica[]): void {
    this.before = others;
    this.sameServer = false;
  }

  /** The server has gone back and is the same one as before: see {@link withoutOldWords}. */
  sameServerWentBack(): void {
    this.sameServer = true;
  }

  /** Those that a history names, by what of it is to be believed. */
  believed(named: readonly OtherReplica[]): readonly OtherReplica[] {
    return this.sameServer ? withoutOldWords(named, this.before) : named;
  }

  /**
   * A history names these. What it named before counts still when contact was lost in between and
   * the same history is asked once more.
   */
  names(incarnation: string, others: readonly OtherReplica[]): void {
    if (this.named.incarnation !== incarnation) this.named = { incarnation, processes: new Set() };
    for (const { process } of others) this.named.processes.add(process);
  }

  /** Those that the history names, and those that it has forgotten. */
  all(named: readonly OtherReplica[]): readonly OtherReplica[] {
    const { processes } = this.named;
    for (const { process } of named) processes.add(process);
    const gone = this.before.filter(({ process }) => !processes.has(process));
    return [...this.believed(named), ...gone];
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
}
