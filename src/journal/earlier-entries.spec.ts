import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log } from '../common/index.js';
import { Keyring, Sealer } from '../encryption/index.js';
import { EarlierEntries } from './earlier-entries.js';

const sealer = (id: string) => new Sealer(new Keyring([{ id, key: randomBytes(32) }]));
const FORMAT = { purpose: 'test', deserialise: (text: string) => text };

describe('entries that a release before the journal left behind', () => {
  let directory: string;
  let lines: string[];
  const ours = sealer('ours');
  const open = () => {
    const log = new Log('info', { write: (line: string) => void lines.push(line) });
    return new EarlierEntries(directory, ours, log, FORMAT);
  };
  /** As that release wrote them: the text sealed under the name of its file. */
  const leave = (askedAt: number, text: string, by = ours, purpose = 'test') => {
    const entry = `${String(askedAt).padStart(15, '0')}-${randomBytes(8).toString('hex')}.sealed`;
    writeFileSync(join(directory, entry), by.seal(text, [purpose, entry]));
    return entry;
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'earlier-'));
    lines = [];
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('are listed oldest first, read, and gone once they are removed', () => {
    const late = leave(2000, 'late');
    const early = leave(1000, 'early');
    const earlier = open();
    expect(earlier.list(Infinity)).toEqual([early, late]);
    expect(earlier.list(2000)).toEqual([early]);
    expect(earlier.read(late)).toBe('late');
    earlier.remove(early);
    earlier.remove(early);
    expect(earlier.read(early)).toBeUndefined();
    expect(earlier.list(Infinity)).toEqual([late]);
    expect(earlier.setAsideCount).toBe(0);
  });

  it('are none where there is no directory', () => {
    rmSync(directory, { recursive: true });
    expect(open().list(Infinity)).toEqual([]);
  });

  it.each([
    [
      'damaged',
      (path: string) => {
        writeFileSync(path, readFileSync(path).fill(0, 40, 50));
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
  ])('are set aside when %s, which is reported', (_name, damage) => {
    const entry = leave(1000, 'kept safe');
    damage(join(directory, entry));
    const earlier = open();
    expect(earlier.read(entry)).toBeUndefined();
    expect(existsSync(join(directory, 'set-aside', entry))).toBe(true);
    expect(earlier.list(Infinity)).toEqual([]);
    expect(earlier.setAsideCount).toBe(1);
    expect(lines.join()).toContain('spool.set_aside');
  });

  it('are set aside when sealed with a foreign key or for another purpose', () => {
    const earlier = open();
    expect(earlier.read(leave(1000, 'text', sealer('foreign')))).toBeUndefined();
    expect(earlier.read(leave(1000, 'text', ours, 'another'))).toBeUndefined();
    expect(earlier.setAsideCount).toBe(2);
  });
});
