import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether there is a process of that number (a zombie counts as gone where that can be seen). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

/** The command line of a process; '' when it can't be known. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    try {
      return execFileSync('ps', ['-p', String(pid), '-o', 'args='], { encoding: 'utf8' });
    } catch {
      return '';
    }
  }
}

/** Asks a process to end, waits, and kills it when the time is up. */
export async function endProcess(
  pid: number,
  signal: NodeJS.Signals,
  milliseconds: number,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  for (let next = signal; isAlive(pid); next = 'SIGKILL') {
    try {
      process.kill(pid, next);
    } catch {
      return;
    }
    if (next === 'SIGKILL') return;
    while (isAlive(pid) && performance.now() < deadline) await sleep(50);
  }
}
