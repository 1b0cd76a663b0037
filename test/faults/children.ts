import type { ChildProcess } from 'node:child_process';

/** Processes that this one started and that must not outlive it. */
const alive = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** Sees to it that a child ends with this process, however that ends. */
export function adopt<Child extends ChildProcess>(child: Child): Child {
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  return child;
}

/** The number by which `nobody` is known: PostgreSQL and PgBouncer refuse to run as root. */
export const NOBODY = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

/** @returns whether there was such a process */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    // One that has ended meanwhile.
    return false;
  }
}
