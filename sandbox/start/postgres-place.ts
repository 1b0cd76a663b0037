import { createHash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runsAsRoot } from './data-directory.js';
import type { DataDirectory } from './data-directory.js';

/**
 * Where the cluster's files go: `.data/postgres`. Only when root works below a directory that
 * others may not enter, such as /root, is it elsewhere: the user `postgres` could not get there.
 */
export function placeOf(data: DataDirectory): string {
  if (!runsAsRoot || othersMayEnter(data.path)) return data.file('postgres');
  const name = createHash('sha256').update(data.path).digest('hex').slice(0, 16);
  const place = join('/var/lib/stitch-token-vault', name);
  mkdirSync(place, { recursive: true, mode: 0o711 });
  console.log(`The database’s files are in ${place}: PostgreSQL can’t run as root, nor get here.`);
  return join(place, 'postgres');
}

function othersMayEnter(path: string): boolean {
  if ((statSync(path).mode & 0o001) === 0) return false;
  return dirname(path) === path || othersMayEnter(dirname(path));
}
