import { closeSync, openSync } from 'node:fs';

/** Files that a process has to be able to open: its modules are read many at a time. */
const FILES = 256;

/** The oldest Node.js that the vault runs on: "engines" in package.json. */
const OLDEST = [20, 19] as const;

/**
 * Runs a program if this process can. It is asked before anything else is loaded: an older Node.js
 * fails somewhere in a library, and too few open files fail while modules are read.
 *
 * @param load imports the program, which begins by that
 */
export function enter(load: () => Promise<unknown>): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    refuse(`Node.js ${OLDEST.join('.')} or later is needed, and this is ${process.versions.node}.`);
  }
  if (!mayOpen(FILES)) refuse(TOO_MANY_FILES);
  load().catch((error: unknown) => {
    if (isTooManyFiles(error)) refuse(TOO_MANY_FILES);
    throw error;
  });
}

/** Says why a program can't run, in one sentence. */
export const TOO_MANY_FILES =
  'This process may not open as many files as it needs: raise its limit (ulimit -n) to 1024 or more.';

/** Whether the system, or the process, has as many files open as it may. */
export const isTooManyFiles = (error: unknown): boolean =>
  ['EMFILE', 'ENFILE'].includes(String((error as { code?: unknown } | undefined)?.code));

/** Tried, and not asked: Node.js cannot say the limit, and calls a module that it could not open missing. */
function mayOpen(count: number): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync(process.execPath, 'r'));
    return true;
  } catch (error) {
    return !isTooManyFiles(error);
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

function refuse(sentence: string): never {
  try {
    process.stderr.on('error', () => undefined).write(`${sentence}\n`);
  } finally {
    // Whether or not anybody could be told.
    process.exit(1);
  }
}
