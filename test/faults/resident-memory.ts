import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Replica } from './replica.js';

/** Resident memory of a process in MiB. */
export function residentMemory(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return (
      Number(execFileSync('ps', ['-p', String(pid), '-o', 'rss='], { encoding: 'utf8' })) / 1024
    );
  }
}

/** Watches the largest of these processes. @returns what ends the watch and says the peak in MiB */
export function watchMemory(replicas: readonly Replica[]): () => number {
  let peak = 0;
  const look = (): void => {
    for (const { pid } of replicas) if (pid) peak = Math.max(peak, residentMemory(pid));
  };
  look();
  const timer = setInterval(look, 500);
  return () => {
    clearInterval(timer);
    look();
    return peak;
  };
}
