import { readFileSync, readdirSync } from 'node:fs';

/** Microseconds of a tick of the counters in `/proc/PID/stat` (USER_HZ is 100 on Linux). */
const TICK_US = 10_000;

/** Fields of `/proc/PID/stat` behind the name, which may hold anything: see proc(5). */
function statOf(pid: string): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** Microseconds that the threads of a process have run so far, as the scheduler counts them. */
function threadsOf(pid: string): number {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
      const [ran] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ');
      return sum + Number(ran) / 1000;
    }, 0);
  } catch {
    // It has ended meanwhile: whoever waited for it has its time.
    return 0;
  }
}

/**
 * Microseconds of processor that a process and the children that it has waited for have used so far.
 * It says what work costs, however busy the machine is with something else.
 */
export function processorTime(pid: number, withChildren = false): number {
  const own = threadsOf(String(pid));
  if (!withChildren) return own;
  // Of those that have ended their parent knows: cutime and cstime.
  const [ended, endedInSystem] = statOf(String(pid)).slice(13, 15).map(Number);
  const living = readdirSync('/proc').filter((each) => statOf(each)[1] === String(pid));
  return (
    own +
    ((ended ?? 0) + (endedInSystem ?? 0)) * TICK_US +
    living.reduce((sum, each) => sum + threadsOf(each), 0)
  );
}
