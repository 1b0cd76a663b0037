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
import { Spool } from './spool.js';
import type { SpoolFormat } from './spool.js';

const sealer = (id: string) => new Sealer(new Keyring([{ id, key: randomBytes(32) }]));
interface Answer {
  readonly askedAt: number;
  readonly text: string;
}
const FORMAT: SpoolFormat<Answer> = {
  purpose: 'test',
  askedAt: ({ askedAt }) => askedAt,
  serialise: (answer) => JSON.stringify(answer),
  deserialise: (text) => JSON.parse(text) as Answer,
};
const ANSWER: Answer = { askedAt: 1_800_000_000_000, text: 'kept safe' };

describe('the spool', () => {
  let directory: string;
  let lines: string[];
  const ours = sealer('ours');
  const open = (by = ours, format = FORMAT) => {
    const log = new Log('info', { write: (line: string) => void lines.push(line) });
    const spool = new Spool(directory, by, log, format);
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
    const entry = open().write(ANSWER);
    const later = open();
    expect(later.list()).toEqual([entry]);
    expect(later.read(entry!)).toEqual({ entry, item: ANSWER });
  });

  it('keeps everything sealed, readable by its owner only', () => {
    const entry = open().write(ANSWER)!;
    const bytes = readFileSync(join(directory, entry), 'latin1');
    expect(bytes).not.toContain('kept');
    expect(bytes).not.toContain('safe');
    expect(statSync(join(directory, entry)).mode & 0o077).toBe(0);
  });

  it('lists the oldest answer first', () => {
    const spool = open();
    const second = spool.write({ ...ANSWER, askedAt: ANSWER.askedAt + 1 });
    const first = spool.write(ANSWER);
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
    const entry = spool.write(ANSWER)!;
    damage(join(directory, entry));
    expect(spool.read(entry)).toBeUndefined();
    expect(existsSync(join(directory, 'set-aside', entry))).toBe(true);
    expect(spool.list()).toEqual([]);
    expect(spool.setAsideCount).toBe(1);
    expect(lines.join()).toContain('spool.set_aside');
  });

  it('sets an entry aside that was sealed with a foreign key or for another purpose, or renamed', () => {
    const foreign = open(sealer('foreign')).write(ANSWER)!;
    const spool = open();
    expect(spool.read(foreign)).toBeUndefined();
    const other = open(ours, { ...FORMAT, purpose: 'another' }).write(ANSWER)!;
    expect(spool.read(other)).toBeUndefined();
    const entry = spool.write(ANSWER)!;
    const renamed = entry.replace(/^\d{15}/, '000000000000001');
    writeFileSync(join(directory, renamed), readFileSync(join(directory, entry)));
    expect(spool.read(renamed)).toBeUndefined();
    expect(spool.read(entry)).toBeDefined();
  });

  it('forgets what is removed, also twice, and what another process took', () => {
    const spool = open();
    const entry = spool.write(ANSWER)!;
    spool.sync(entry);
    spool.remove(entry);
    spool.remove(entry);
    expect(spool.read(entry)).toBeUndefined();
    expect(spool.setAsideCount).toBe(0);
  });

  it('goes on without a directory and says so', () => {
    const spool = open();
    rmSync(directory, { recursive: true });
    expect(spool.write(ANSWER)).toBeUndefined();
    expect(lines.join()).toContain('spool.write_failed');
  });

  it('lists those asked for before a moment', () => {
    const spool = open();
    const [early, late] = [1000, 2000].map((askedAt) => spool.write({ ...ANSWER, askedAt }));
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
