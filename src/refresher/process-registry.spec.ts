import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log } from '../common/index.js';
import { ProcessRegistry, identityOf } from './process-registry.js';
import type { ProcessIdentity } from './process-registry.js';

const OWNER = '00000000-0000-4000-8000-000000000001';

describe('the marks of processes in a spool directory', () => {
  let directory: string;
  let marks: ProcessRegistry;
  let child: ChildProcess;
  let alive: ProcessIdentity;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'marks-'));
    marks = new ProcessRegistry(directory, new Log('silent'));
    child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    alive = identityOf(child.pid ?? 0)!;
  });
  afterEach(() => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  if (process.platform !== 'linux') {
    it('are not made where the system does not say who lives', () => {
      marks.announce(OWNER);
      expect(readdirSync(directory)).toEqual([]);
      expect(marks.dead()).toEqual([]);
    });
    return;
  }

  it('tell a process that was killed from one that lives', async () => {
    marks.announce(OWNER, alive);
    marks.announce('00000000-0000-4000-8000-000000000002');
    expect(marks.dead()).toEqual([]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(marks.dead()).toEqual([OWNER]);
    marks.forget(OWNER);
    expect(marks.dead()).toEqual([]);
  });

  it('are not taken in by another process of the same number', () => {
    marks.announce(OWNER, { ...alive, started: '1' });
    expect(marks.dead()).toEqual([OWNER]);
  });

  it.each<[string, Partial<ProcessIdentity>]>([
    ['on another machine, or before this one was started', { boot: 'other' }],
    ['in another container', { namespace: 'pid:[1]' }],
  ])('say nothing of a process %s', (_name, change) => {
    marks.announce(OWNER, { ...alive, pid: 4_000_000, ...change });
    expect(marks.dead()).toEqual([]);
    expect(existsSync(join(directory, `${OWNER}.process`))).toBe(true);
  });

  it('that nobody can judge are cleared away after a day', () => {
    marks.announce(OWNER, { ...alive, boot: 'other' });
    utimesSync(join(directory, `${OWNER}.process`), 1, 1);
    expect(marks.dead()).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('that are damaged say nothing, and are cleared away as well', () => {
    const path = join(directory, `${OWNER}.process`);
    writeFileSync(path, '{');
    expect(marks.dead()).toEqual([]);
    expect(existsSync(path)).toBe(true);
    utimesSync(path, 1, 1);
    expect(marks.dead()).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  it('are for their owner alone, and missing without a directory', () => {
    marks.announce(OWNER, alive);
    expect(statSync(join(directory, `${OWNER}.process`)).mode & 0o777).toBe(0o600);
    rmSync(directory, { recursive: true });
    marks.announce(OWNER, alive);
    expect(marks.dead()).toEqual([]);
  });
});
