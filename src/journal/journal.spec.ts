import { randomBytes, randomUUID } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log } from '../common/index.js';
import { Keyring, Sealer } from '../encryption/index.js';
import { Journal } from './journal.js';
import { encodeLine } from './record.js';

const sealer = (id: string) => new Sealer(new Keyring([{ id, key: randomBytes(32) }]));
const record = (key: string, version = 1) => ({
  kind: 'test',
  key,
  version,
  at: 1_800_000_000_000 + version,
  payload: `kept safe: ${key} ${String(version)}`,
});

describe('the journal', () => {
  let directory: string;
  let lines: string[];
  let opened: Journal[];
  let now = 0;
  const oursKey = randomBytes(32);
  const ours = new Sealer(new Keyring([{ id: 'ours', key: oursKey }]));
  const open = (options: { by?: Sealer; retention?: number; writer?: string } = {}) => {
    const log = new Log('info', { write: (line: string) => void lines.push(line) });
    const { by = ours, retention = 60_000, writer = randomUUID() } = options;
    const journal = new Journal({ directory, writer, retention, monotonic: () => now }, by, log);
    journal.open();
    opened.push(journal);
    return journal;
  };
  const segments = () => readdirSync(directory).filter((name) => name.endsWith('.journal'));
  const segment = () => join(directory, segments()[0]!);
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'journal-'));
    lines = [];
    opened = [];
  });
  afterEach(() => {
    for (const journal of opened) journal.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('gives a record back as it was, to a later process with the same keyring', async () => {
    const id = (await open().append(record('a')))!;
    const later = open();
    expect(later.unsettled('test').map((entry) => entry.id)).toEqual([id]);
    expect(later.unsettled('other')).toEqual([]);
    expect(later.read(id)).toEqual({ ...record('a'), id });
  });

  it('keeps everything sealed, readable by its owner only', async () => {
    await open().append(record('a-user-id'));
    const bytes = readFileSync(segment(), 'latin1');
    const decoded = Buffer.from(bytes.split(' ')[1]!, 'base64').toString('latin1');
    for (const text of [bytes, decoded]) {
      expect(text).not.toContain('kept safe');
      expect(text).not.toContain('a-user-id');
    }
    expect(statSync(segment()).mode & 0o077).toBe(0);
  });

  it('writes what arrives together into one file, and has it on disk before it says so', async () => {
    const journal = open();
    const ids = await Promise.all(['a', 'b', 'c'].map((key) => journal.append(record(key))));
    expect(segments()).toHaveLength(1);
    expect(readFileSync(segment(), 'latin1').split('\n')).toHaveLength(4);
    expect(ids.map((id) => journal.read(id!)?.key)).toEqual(['a', 'b', 'c']);
  });

  it('knows after a restart what was settled, and as what', async () => {
    const journal = open();
    const [a, b] = await Promise.all([journal.append(record('a')), journal.append(record('b'))]);
    journal.settle(a, 7);
    await Promise.resolve();
    const later = open();
    expect(later.unsettled('test').map(({ id }) => id)).toEqual([b]);
    expect(later.remembered('test')).toMatchObject([{ id: a, version: 7 }]);
    expect(later.read(a!)?.version).toBe(7);
  });

  it('settles in one line what is settled together, and reads the lines of an earlier release', async () => {
    const writer = randomUUID();
    const journal = open({ writer });
    const ids = await Promise.all(['a', 'b', 'c', 'd'].map((key) => journal.append(record(key))));
    for (const [index, id] of ids.slice(0, 2).entries()) journal.settle(id, index + 5);
    journal.discard(ids[2]);
    await Promise.resolve();
    expect(readFileSync(segment(), 'latin1').split('\n')).toHaveLength(ids.length + 2);
    const single = { kind: 'settled', key: ids[3]!, version: 9, at: 0, payload: '' };
    appendFileSync(segment(), encodeLine(ours, writer, 99, single));
    const later = open();
    expect(later.unsettled('test')).toEqual([]);
    const found = later.remembered('test').map(({ key, version }) => [key, version]);
    expect(found).toEqual([
      ['a', 5],
      ['b', 6],
      ['d', 9],
    ]);
  });

  it('remembers of what is settled the newest of each key', async () => {
    const journal = open();
    for (const version of [1, 2, 3]) journal.settle(await journal.append(record('a', version)));
    journal.settle(await journal.append(record('b', 1)));
    // A late word about an old one changes nothing.
    journal.settle(await journal.append(record('a', 2)));
    const found = journal.remembered('test').map(({ key, version }) => [key, version]);
    expect(found).toEqual([
      ['a', 3],
      ['b', 1],
    ]);
    expect(open().remembered('test')).toHaveLength(2);
  });

  it('shows records of others who share the directory as they come, and they settle for each other', async () => {
    const one = open();
    const other = open();
    const id = (await one.append(record('a')))!;
    expect(other.unsettled('test').map((entry) => entry.id)).toEqual([id]);
    other.settle(id);
    await Promise.resolve();
    expect(one.unsettled('test')).toEqual([]);
  });

  it('reads over a tail that a killed process left half written', async () => {
    const id = (await open().append(record('a')))!;
    appendFileSync(segment(), '2 AbCd');
    const later = open();
    expect(later.unsettled('test').map((entry) => entry.id)).toEqual([id]);
    expect(later.status.setAside).toBe(0);
  });

  it.each([
    ['damaged', (line: string) => `${line.slice(0, 40)}AAAA${line.slice(44)}`],
    ['cut short', (line: string) => line.slice(0, 30)],
    ['no record at all', () => 'what is this'],
  ])(
    'sets a line aside that is %s, reports it once, and reads the others',
    async (_name, damage) => {
      const journal = open();
      await journal.append(record('a'));
      const b = await journal.append(record('b'));
      const [first = '', ...rest] = readFileSync(segment(), 'latin1').split('\n');
      writeFileSync(segment(), [damage(first), ...rest].join('\n'));
      const later = open();
      expect(later.unsettled('test').map(({ id }) => id)).toEqual([b]);
      expect(later.status.setAside).toBe(1);
      expect(lines.join()).toContain('spool.set_aside');
      const [kept] = readdirSync(join(directory, 'set-aside'));
      expect(readFileSync(join(directory, 'set-aside', kept!), 'latin1')).toBe(
        `${damage(first)}\n`,
      );
    },
  );

  it('leaves alone what is sealed under a key that it lacks, however long, and says how much', async () => {
    const theirs = new Keyring([
      { id: 'newer', key: randomBytes(32) },
      { id: 'ours', key: oursKey },
    ]);
    const other = open({ by: new Sealer(theirs) });
    const kept = await other.append(record('a'));
    const journal = open();
    expect(journal.unsettled('test')).toEqual([]);
    expect(journal.status).toMatchObject({ foreign: 1, setAside: 0 });
    now += 3_600_000;
    journal.sweep();
    await journal.append(record('b'));
    // Its successor finds it as it was: not settled by somebody who could not read it, nor dropped.
    const successor = open({ by: new Sealer(theirs) });
    expect(successor.unsettled('test').map(({ id }) => id)).toContain(kept);
    successor.settle(kept);
    for (const name of segments()) rmSync(join(directory, name));
    now += 3_600_000;
    journal.sweep();
    expect(journal.status.foreign).toBe(0);
  });

  it('sets aside what another key of its name has sealed, and a file that is not to be read', async () => {
    await open({ by: sealer('ours') }).append(record('a'));
    mkdirSync(join(directory, `${randomUUID()}-000001.journal`));
    const journal = open();
    expect(journal.unsettled('test')).toEqual([]);
    expect(journal.status.setAside).toBe(2);
    expect(readdirSync(join(directory, 'set-aside'))).toHaveLength(2);
  });

  it('leaves alone what another user keeps to itself, whose process may be writing to it', async () => {
    const first = open();
    const id = await first.append(record('a'));
    chmodSync(directory, 0o777);
    chmodSync(segment(), 0o000);
    const journal = open();
    // What a file's mode forbids holds for anybody but root.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid!(65534);
    try {
      expect(journal.unsettled('test')).toEqual([]);
    } finally {
      if (isRoot) process.seteuid!(0);
    }
    expect(journal.status).toMatchObject({ closed: 1, setAside: 0 });
    expect(segments()).toHaveLength(1);
    chmodSync(segment(), 0o600);
    expect(first.read(id!)?.key).toBe('a');
    expect(journal.unsettled('test')).toHaveLength(1);
    expect(journal.status.closed).toBe(0);
  });

  it('can set a record aside that nobody can use', async () => {
    const journal = open();
    const id = await journal.append(record('a'));
    journal.setAside(id, 'refused');
    await Promise.resolve();
    expect(journal.unsettled('test')).toEqual([]);
    expect(open().unsettled('test')).toEqual([]);
    expect(lines.join()).toContain('refused');
  });

  it('goes on without a directory, says so, counts it, and recovers by itself', async () => {
    const journal = open();
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'in its place');
    expect(await journal.append(record('a'))).toBeUndefined();
    expect(journal.status).toMatchObject({ writable: false, failures: 1, lastError: 'EEXIST' });
    expect(lines.join()).toContain('spool.write_failed');
    rmSync(directory);
    expect(await journal.append(record('a'))).toBeDefined();
    expect(journal.status.writable).toBe(true);
  });

  it('reports a disk once a minute that takes one write and not the next', async () => {
    const journal = open();
    const fail = async () => {
      // The file that is open is written to wherever it is: it has to be another one's turn.
      now += 15_000;
      rmSync(directory, { recursive: true, force: true });
      writeFileSync(directory, 'in its place');
      expect(await journal.append(record('a'))).toBeUndefined();
      rmSync(directory);
      expect(await journal.append(record('a'))).toBeDefined();
    };
    for (let time = 0; time < 3; time += 1) await fail();
    expect(lines).toHaveLength(1);
    now += 60_000;
    await fail();
    expect(lines).toHaveLength(2);
    expect(journal.status.failures).toBe(4);
  });

  it('does not remember what came to nothing', async () => {
    const journal = open();
    journal.settle(await journal.append(record('a', 2)));
    journal.discard(await journal.append(record('a', 2)));
    journal.discard(await journal.append(record('b')));
    await Promise.resolve();
    for (const each of [journal, open()]) {
      expect(each.unsettled('test')).toEqual([]);
      expect(each.remembered('test').map(({ key }) => key)).toEqual(['a']);
    }
  });

  it('keeps nothing settled without a retention', async () => {
    const journal = open({ retention: 0 });
    journal.settle(await journal.append(record('a')));
    expect(journal.remembered('test')).toEqual([]);
    expect(journal.status.remembered).toBe(0);
  });

  it('drops files whose time is over, and keeps what is not settled', async () => {
    const journal = open({ retention: 20_000 });
    const a = await journal.append(record('still open'));
    journal.settle(await journal.append(record('settled')));
    await Promise.resolve();
    const [old] = segments();
    now += 15_000;
    journal.sweep();
    expect(segments()).toEqual([old]);
    expect(journal.remembered('test')).toHaveLength(1);
    now += 6000;
    journal.sweep();
    expect(segments()).toHaveLength(1);
    expect(segments()).not.toContain(old);
    expect(journal.remembered('test')).toEqual([]);
    expect(journal.read(a!)?.key).toBe('still open');
    expect(
      open()
        .unsettled('test')
        .map(({ id }) => id),
    ).toEqual([a]);
  });

  it('flushes what stands in a file that is followed by the next while others are flushed', async () => {
    const journal = open();
    const first = journal.append(record('a'));
    await Promise.resolve();
    const second = journal.append(record('b'));
    await Promise.resolve();
    now += 60_000;
    journal.sweep();
    expect(journal.read((await first)!)?.key).toBe('a');
    expect(journal.read((await second)!)?.key).toBe('b');
    expect(journal.status).toMatchObject({ failures: 0, writable: true });
    expect(lines).toEqual([]);
  });

  it('keeps what a process before it remembered for a whole retention after the start', async () => {
    const first = open({ retention: 20_000 });
    first.settle(await first.append(record('a')));
    first.close();
    now += 3_600_000;
    const later = open({ retention: 20_000 });
    later.sweep();
    expect(later.remembered('test')).toHaveLength(1);
    now += 60_000;
    later.sweep();
    expect(later.remembered('test')).toEqual([]);
    expect(segments()).toEqual([]);
  });

  it('says of a process that ended without a record that it is gone, so that nobody waits for it', () => {
    const first = open();
    first.close();
    const later = open();
    expect(later.unsettled('test')).toEqual([]);
    expect(later.otherWriters.size).toBe(1);
    expect(later.status).toMatchObject({ remembered: 0, unsettled: 0, setAside: 0 });
    now += 600_000;
    later.sweep();
    expect(segments()).toEqual([]);
  });
});
