import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log } from '../common/index.js';
import { Keyring, Sealer } from '../encryption/index.js';
import type { RotationResult } from '../tokens/index.js';
import { Spool } from './spool.js';

const sealer = (id: string) => new Sealer(new Keyring([{ id, key: randomBytes(32) }]));
const RESULT: RotationResult = {
  provider: 'stitch-money',
  userId: 'ann',
  connection: 'default',
  grantId: 'g',
  version: 3,
  leaseOwner: 'owner/1',
  accessToken: Buffer.from('sealed access'),
  refreshToken: Buffer.from('sealed refresh'),
  scopes: ['openid'],
  obtainedAt: 1_800_000_000_000,
  expiresAt: 1_800_000_900_000,
  refreshDueAt: null,
};

describe('the spool', () => {
  let directory: string;
  let lines: string[];
  const ours = sealer('ours');
  const open = (by = ours) => {
    const spool = new Spool(
      directory,
      by,
      new Log('info', { write: (line: string) => void lines.push(line) }),
    );
    spool.prepare();
    return spool;
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'spool-'));
    lines = [];
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('gives an answer back as it was, to another process with the same keyring', () => {
    const entry = open().write(RESULT);
    const later = open();
    expect(later.list()).toEqual([entry]);
    expect(later.read(entry!)).toEqual({ entry, result: RESULT });
  });

  it('keeps everything sealed, readable by its owner only', () => {
    const entry = open().write({ ...RESULT, refreshToken: null })!;
    const bytes = readFileSync(join(directory, entry), 'latin1');
    expect(bytes).not.toContain('ann');
    expect(bytes).not.toContain('sealed');
    expect(statSync(join(directory, entry)).mode & 0o077).toBe(0);
    expect(open().read(entry)?.result.refreshToken).toBeNull();
  });

  it('lists the oldest answer first', () => {
    const spool = open();
    const second = spool.write({ ...RESULT, obtainedAt: RESULT.obtainedAt + 1 });
    const first = spool.write(RESULT);
    expect(spool.list()).toEqual([first, second]);
  });

  it.each([
    [
      'damaged',
      (path: string) => {
        writeFileSync(path, readFileSync(path).fill(0, 80, 90));
      },
    ],
    [
      'cut short',
      (path: string) => {
        writeFileSync(path, readFileSync(path).subarray(0, 20));
      },
    ],
    [
      'empty',
      (path: string) => {
        writeFileSync(path, '');
      },
    ],
    [
      'not to be read',
      (path: string) => {
        // A directory in its place: who runs the tests may be allowed to read every file.
        rmSync(path);
        mkdirSync(path);
      },
    ],
  ])('sets an entry aside that is %s, and reports it', (_name, damage) => {
    const spool = open();
    const entry = spool.write(RESULT)!;
    damage(join(directory, entry));
    expect(spool.read(entry)).toBeUndefined();
    expect(existsSync(join(directory, 'set-aside', entry))).toBe(true);
    expect(spool.list()).toEqual([]);
    expect(spool.setAsideCount).toBe(1);
    expect(lines.join()).toContain('spool.set_aside');
  });

  it('sets an entry aside that was sealed with a foreign key, or renamed', () => {
    const foreign = open(sealer('foreign')).write(RESULT)!;
    const spool = open();
    expect(spool.read(foreign)).toBeUndefined();
    const entry = spool.write(RESULT)!;
    const renamed = entry.replace(/^\d{15}/, '000000000000001');
    writeFileSync(join(directory, renamed), readFileSync(join(directory, entry)));
    expect(spool.read(renamed)).toBeUndefined();
    expect(spool.read(entry)).toBeDefined();
  });

  it('forgets what is removed, also twice, and what another process took', () => {
    const spool = open();
    const entry = spool.write(RESULT)!;
    spool.sync(entry);
    spool.remove(entry);
    spool.remove(entry);
    expect(spool.read(entry)).toBeUndefined();
    expect(spool.setAsideCount).toBe(0);
  });

  it('goes on without a directory and says so', () => {
    const spool = open();
    rmSync(directory, { recursive: true });
    expect(spool.write(RESULT)).toBeUndefined();
    expect(lines.join()).toContain('spool.write_failed');
  });

  it('lists those asked for before a moment', () => {
    const spool = open();
    const [early, late] = [1000, 2000].map((obtainedAt) => spool.write({ ...RESULT, obtainedAt }));
    expect(spool.list()).toEqual([early, late]);
    expect(spool.list(2000)).toEqual([early]);
    expect(spool.list(1000)).toEqual([]);
  });

  it('clears away half entries of killed processes, but not those being written', () => {
    open();
    writeFileSync(join(directory, 'old.part'), '');
    writeFileSync(join(directory, 'new.part'), '');
    utimesSync(join(directory, 'old.part'), 1, 1);
    open();
    expect(readdirSync(directory).sort()).toEqual(['new.part', 'set-aside']);
  });
});
