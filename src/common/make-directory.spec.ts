import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDirectory } from './make-directory.js';

describe('makeDirectory', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'vault-directory-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('makes what is missing, for its owner alone, and is content with what is there', () => {
    const path = join(root, 'a', 'b', 'c');
    makeDirectory(path, 0o700);
    makeDirectory(path, 0o700);
    for (const made of ['a', 'a/b', 'a/b/c']) {
      expect(statSync(join(root, made)).mode & 0o777).toBe(0o700);
    }
    makeDirectory('/', 0o700);
  });

  it('says what is in the way', () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    expect(() => {
      makeDirectory(file, 0o700);
    }).toThrow('EEXIST');
    expect(() => {
      makeDirectory(join(file, 'below'), 0o700);
    }).toThrow('ENOTDIR');
  });

  const proc = existsSync('/proc/self') ? '/proc' : '/dev';
  it('comes back from a file system in which nothing can be made', () => {
    expect(() => {
      makeDirectory(join(proc, 'vault', 'spool'), 0o700);
    }).toThrow();
  });
});
