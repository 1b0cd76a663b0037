import { access, stat, statfs } from 'node:fs/promises';
import { constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { InspectedEnvironment } from '../../config/index.js';
import { bad, codeOf, good } from './check.js';
import type { Check } from './check.js';

/** Bytes that are free at least where answers are kept. */
const ROOM = 67_108_864;

/** The environment: a line for each variable that is wrong. */
export function checkEnvironment({ config, problems }: InspectedEnvironment): Check[] {
  if (problems.length === 0) {
    return [good('config', `the environment is right, for ${config.process.environment}`)];
  }
  return problems.map(({ name, expected }) => bad('config', `set ${name}: ${expected}`));
}

/** Whether answers could be kept. Looks at rights and room, and writes nothing. */
export async function checkSpool(directory: string): Promise<Check> {
  const path = resolve(directory);
  try {
    const found = await stat(path).catch(() => undefined);
    if (found && !found.isDirectory()) {
      return bad('spool', `${path} is no directory: set SPOOL_DIR to one`);
    }
    const place = found ? path : await nearest(dirname(path));
    await access(place, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(place);
    const free = Math.floor((bavail * bsize) / 1_048_576);
    if (bavail * bsize < ROOM) {
      return bad('spool', `${path} has ${String(free)} MiB left: make room, 64 MiB at least`);
    }
    const there = found ? 'can be written to' : 'is made at the start';
    return good('spool', `${path} ${there}, ${String(free)} MiB free`);
  } catch (error) {
    return bad(
      'spool',
      `${path} cannot be written to (${codeOf(error)}): give it to the user who runs the vault, or set SPOOL_DIR`,
    );
  }
}

/** The innermost directory on the way there that exists. */
async function nearest(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found || dirname(path) === path ? path : nearest(dirname(path));
}
