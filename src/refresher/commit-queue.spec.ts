import { Log } from '../common/index.js';
import type { Clock } from '../common/index.js';
import type { RotationResult } from '../grants/index.js';
import { CommitQueue } from './commit-queue.js';

const answer = (n: number) =>
  ({ provider: 'p', userId: `u${String(n)}`, connection: 'c', version: 1 }) as RotationResult;

/** Lets everything that is not waiting for time run until it waits. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the queue of commits', () => {
  it('has few of the rotations that shared a statement end in one turn, and settles all at once', async () => {
    const turns: (() => void)[] = [];
    const clock: Clock = {
      now: () => 0,
      sleep: (milliseconds) =>
        new Promise((resolve) => {
          if (milliseconds === 0) turns.push(resolve);
        }),
      after: () => () => undefined,
    };
    const statements: number[] = [];
    let settled = 0;
    const store = {
      commit: (results: readonly RotationResult[]) => {
        statements.push(results.length);
        return Promise.resolve(results.map(() => ({ kind: 'committed', version: 2 }) as const));
      },
    };
    const shelf = {
      write: () => Promise.resolve('entry'),
      settle: () => (settled += 1),
      discard: () => undefined,
      setAside: () => undefined,
    };
    const queue = new CommitQueue(store, shelf, clock, new Log('silent'));
    let ended = 0;
    for (let n = 0; n < 40; n += 1) void queue.add(answer(n)).then(() => (ended += 1));

    const seen: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      await settle();
      seen.push(ended);
      turns.splice(0).forEach((next) => {
        next();
      });
    }

    expect(statements).toEqual([40]);
    expect(settled).toBe(40);
    expect(seen).toEqual([16, 32, 40]);
    expect(queue.size).toBe(0);
  });
});
