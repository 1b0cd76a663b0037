import { readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../common/index.js';
import type { Log } from '../common/index.js';

const MARK = /^([0-9a-f-]{36})\.process$/;
/** Milliseconds after which a mark that can't be judged is cleared away. */
const FORGOTTEN_AFTER_MS = 86_400_000;

/** What tells a process from every other: one machine since its start, one list of processes. */
export interface ProcessIdentity {
  readonly boot: string;
  readonly namespace: string;
  readonly pid: number;
  /** When it was started, in ticks of the machine's clock: tells it from a later one of that pid. */
  readonly started: string;
}

/**
 * Who works with a spool directory, so that a `kill -9` is known for one. Leases of a process that
 * is certainly dead need not run out: its answers are in the spool, and what is not there is in
 * doubt and can be retried at once. Certain is only what Linux says of its own processes; of those
 * on other machines or in other containers nothing is known, and their leases are waited for.
 */
export class ProcessRegistry {
  constructor(
    private readonly directory: string,
    private readonly log: Log,
  ) {}

  /** Leaves a mark for the owner of leases, this process. */
  announce(owner: string, identity = identityOf(process.pid)): void {
    if (!identity) return;
    try {
      writeFileSync(this.path(owner), JSON.stringify(identity), { mode: 0o600 });
    } catch (error) {
      // Its leases will be waited for.
      this.log.event('error', 'spool.mark_failed', { reason: describeError(error).message });
    }
  }

  /** Takes a mark away: its owner has ended in order, or has been settled. */
  forget(owner: string): void {
    try {
      rmSync(this.path(owner), { force: true });
    } catch (error) {
      // Settled once more by the next process, which finds nothing to do.
      this.log.event('error', 'spool.mark_failed', { reason: describeError(error).message });
    }
  }

  /** Owners that are certainly dead. */
  dead(): string[] {
    const here = identityOf(process.pid);
    if (!here) return [];
    return this.owners().filter((owner) => this.isDead(owner, here));
  }

  private owners(): string[] {
    try {
      return readdirSync(this.directory).flatMap((name) => MARK.exec(name)?.[1] ?? []);
    } catch {
      // Reported by the spool, which makes the directory anew.
      return [];
    }
  }

  private isDead(owner: string, here: ProcessIdentity): boolean {
    const mark = this.read(owner);
    if (mark?.boot === here.boot && mark.namespace === here.namespace) return !isAlive(mark);
    const written = statSync(this.path(owner), { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (Date.now() - written > FORGOTTEN_AFTER_MS) this.forget(owner);
    return false;
  }

  /** @returns undefined for one that is just being written, is damaged, or was settled meanwhile */
  private read(owner: string): ProcessIdentity | undefined {
    try {
      return JSON.parse(readFileSync(this.path(owner), 'utf8')) as ProcessIdentity;
    } catch {
      return undefined;
    }
  }

  private path(owner: string): string {
    return join(this.directory, `${owner}.process`);
  }
}

/** @returns undefined where the system does not say: anywhere but on Linux */
export function identityOf(pid: number): ProcessIdentity | undefined {
  try {
    return {
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      namespace: readlinkSync('/proc/self/ns/pid'),
      pid,
      started: stat(pid).started,
    };
  } catch {
    return undefined;
  }
}

/** In doubt it is alive. */
function isAlive({ pid, started }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
  try {
    const now = stat(pid);
    // A zombie runs no more; its parent has only not asked for it yet.
    return now.started === started && now.state !== 'Z' && now.state !== 'X';
  } catch {
    return true;
  }
}

/** `/proc/PID/stat`: the command in brackets may hold anything; after it come the numbers. */
function stat(pid: number): { state: string; started: string } {
  const text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', started: fields[19] ?? '' };
}
