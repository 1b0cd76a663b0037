import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log } from '../common/index.js';
import type { Clock } from '../common/index.js';
import { randomUUID } from 'node:crypto';
import { Journal, Shelf } from '../journal/index.js';
import type { RotationResult } from '../grants/index.js';
import { Recovery } from './recovery.js';
import { ROTATION_FORMAT } from './rotation-format.js';

const DEADLINE = 11_000;
const RESULT: RotationResult = {
  provider: 'p',
  userId: 'u',
  connection: 'c',
  grantId: 'g',
  version: 1,
  leaseOwner: 'owner/1',
  accessToken: Buffer.from('a'),
  refreshToken: Buffer.from('r'),
  scopes: null,
  obtainedAt: 0,
  expiresAt: null,
  refreshDueAt: null,
};

describe('Recovery', () => {
  let directory: string;
  let now: number;
  let recovered: number[];
  let held: Set<string>;
  let journal: Journal;
  let shelf: Shelf<RotationResult>;
  let recovery: Recovery;
  let dead: string[];
  let lines: string[];
  let refused: boolean;
  /** What happened, in its order. */
  let deeds: string[];
  const clock: Clock = {
    now: () => now,
    sleep: () => Promise.resolve(),
    after: () => () => undefined,
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'recovery-'));
    now = 100_000;
    recovered = [];
    held = new Set();
    dead = [];
    const done: string[] = [];
    deeds = done;
    const sealer = {
      seal: (text: string) => Buffer.from(text),
      open: (sealed: Buffer) => sealed.toString(),
    };
    lines = [];
    refused = false;
    const log = new Log('error', { write: (line: string) => void lines.push(line) });
    journal = new Journal({ directory, writer: randomUUID(), retention: 0 }, sealer, log);
    journal.open();
    shelf = new Shelf(journal, ROTATION_FORMAT, directory, sealer, log);
    const commits = {
      isUncommitted: ({ userId }: { readonly userId: string }) => held.has(userId),
      recover: async ({ obtainedAt, userId }: RotationResult) => {
        recovered.push(obtainedAt);
        await new Promise(setImmediate);
        if (refused) return { kind: 'refused' as const };
        done.push(`committed ${userId}`);
        return { kind: 'superseded' as const };
      },
    };
    const marks = {
      dead: () => dead,
      forget: (owner: string) => {
        done.push(`forgot ${owner}`);
      },
    };
    const store = {
      shortenLeases: (owner: string, left: number) => {
        done.push(`shortened ${owner} to ${String(left)}`);
        return Promise.resolve(1);
      },
    };
    recovery = new Recovery(
      { shelf, processes: marks, commits, store, clock, log },
      { answerDeadline: DEADLINE, lastRequest: 5 },
    );
  });
  afterEach(() => {
    journal.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const write = (age: number, userId = 'u') =>
    shelf.write({ ...RESULT, userId, obtainedAt: now - age });

  it('commits all that is there, oldest first, but for what waits for its commit', async () => {
    await write(1000);
    await write(90_000);
    await write(50_000, 'uncommitted');
    held.add('uncommitted');
    await recovery.recoverAll();
    expect(recovered).toEqual([now - 90_000, now - 1000]);
  });

  it('takes from processes that share the directory only what they will not commit any more', async () => {
    await write(DEADLINE + 1);
    await write(DEADLINE - 1);
    recovery.recoverAbandoned();
    expect(recovered).toEqual([now - DEADLINE - 1]);
  });

  it('does not look again at every claim', async () => {
    recovery.recoverAbandoned();
    await write(DEADLINE + 1);
    recovery.recoverAbandoned();
    expect(recovered).toEqual([]);
    now += 500;
    recovery.recoverAbandoned();
    expect(recovered).toHaveLength(1);
  });

  it('says once that the directory cannot be read, until it can be', () => {
    const look = () => {
      now += 500;
      recovery.recoverAbandoned();
    };
    const told = () => lines.filter((line) => line.includes('spool.list_failed')).length;
    for (const times of [1, 2]) {
      rmSync(directory, { recursive: true });
      writeFileSync(directory, 'no directory');
      for (let looks = 0; looks < 3; looks += 1) look();
      expect(told()).toBe(times);
      rmSync(directory);
      mkdirSync(directory);
      look();
    }
  });

  it('commits the answers of a dead process before it ends its leases', async () => {
    dead = ['owner'];
    await write(1000, 'its');
    await shelf.write({ ...RESULT, userId: 'of the living', leaseOwner: 'owner-2/1' });
    held.add('its');
    expect(await recovery.settleDead()).toBe(true);
    expect(deeds).toEqual(['committed its', 'shortened owner to 5', 'forgot owner']);
  });

  it('leaves the leases of a dead process alone while the database refuses its answers', async () => {
    dead = ['owner'];
    await write(1000, 'its');
    refused = true;
    expect(await recovery.settleDead()).toBe(false);
    expect(deeds).toEqual([]);
    refused = false;
    expect(await recovery.settleDead()).toBe(true);
    expect(deeds[0]).toBe('committed its');
  });

  it('leaves the leases of a dead process alone while its answers cannot be read', async () => {
    dead = ['owner'];
    await write(1000, 'its');
    // A disk in trouble, for the moment: what stays unreadable is set aside by the shelf.
    const read = shelf.read.bind(shelf);
    shelf.read = () => {
      throw Object.assign(new Error('input/output error'), { code: 'EIO' });
    };
    expect(await recovery.settleDead()).toBe(false);
    expect(deeds).toEqual([]);
    shelf.read = read;
    expect(await recovery.settleDead()).toBe(true);
    expect(deeds[0]).toBe('committed its');
  });

  it('is busy until what it found is committed', async () => {
    await write(1000);
    const recovered = recovery.recoverAll();
    expect(recovery.busy).toBe(true);
    await recovered;
    expect(recovery.busy).toBe(false);
  });

  it('leaves everything alone while nobody is dead', async () => {
    await write(1000);
    expect(await recovery.settleDead()).toBe(false);
    expect(deeds).toEqual([]);
  });

  it('makes a directory that is gone anew', async () => {
    rmSync(directory, { recursive: true });
    await recovery.recoverAll();
    expect(recovered).toEqual([]);
    expect(await write(0)).toBeDefined();
  });
});
