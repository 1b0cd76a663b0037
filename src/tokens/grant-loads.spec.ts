import { StorageUnavailableError } from '../common/index.js';
import type { Grant, GrantKey } from '../grants/index.js';
import { GrantLoads } from './grant-loads.js';

const keyOf = (userId: string): GrantKey => ({
  provider: 'stitch-money',
  userId,
  connection: 'default',
});
const grantOf = (key: GrantKey) => ({ ...key, version: 1 }) as Grant;

/** A store that answers when told to, and what it was asked for. */
function heldStore() {
  const asked: string[][] = [];
  const pending: { readonly answer: () => void; readonly fail: (error: Error) => void }[] = [];
  const ask = <Answer>(users: string[], answer: Answer) => {
    asked.push(users);
    return new Promise<Answer>((resolve, reject) => {
      pending.push({
        answer: () => {
          resolve(answer);
        },
        fail: reject,
      });
    });
  };
  return {
    asked,
    pending,
    load: (key: GrantKey) => ask([key.userId], grantOf(key)),
    loadMany: (keys: readonly GrantKey[]) =>
      ask(
        keys.map(({ userId }) => userId),
        keys.filter(({ userId }) => userId !== 'nobody').map(grantOf),
      ),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Four statements are under way: what comes now waits. */
async function busy() {
  const store = heldStore();
  const loads = new GrantLoads(store);
  for (const user of ['a', 'b', 'c', 'd']) loads.load(keyOf(user)).catch(() => undefined);
  await turn();
  return { store, loads };
}

describe('loads for readers', () => {
  it('go out at once while few are under way, and share a statement after that', async () => {
    const { store, loads } = await busy();
    const users = ['e', 'nobody', 'f'];
    const shared = users.map((user) => loads.load(keyOf(user)));
    await turn();
    expect(store.asked).toEqual([['a'], ['b'], ['c'], ['d']]);
    store.pending[2]?.answer();
    await turn();
    expect(store.asked[4]).toEqual(users);
    store.pending[4]?.answer();
    const found = await Promise.all(shared);
    expect(found.map((grant) => grant?.userId)).toEqual(['e', undefined, 'f']);
  });

  it('share no statement with more than a hundred others', async () => {
    const { store, loads } = await busy();
    for (let each = 0; each < 150; each += 1) void loads.load(keyOf(`user-${each}`));
    for (const { answer } of store.pending.slice(0, 2)) answer();
    await turn();
    expect(store.asked.slice(4).map(({ length }) => length)).toEqual([100, 50]);
  });

  it('go out one by one when a statement for many fails, so that one does not fail the others', async () => {
    const { store, loads } = await busy();
    const [good, bad] = ['good', 'bad'].map((user) => loads.load(keyOf(user)));
    store.pending[0]?.answer();
    await turn();
    store.pending[4]?.fail(new Error('one of them is at fault'));
    await turn();
    store.pending[5]?.answer();
    expect((await good)?.userId).toBe('good');
    await turn();
    store.pending[6]?.fail(new Error('this one'));
    await expect(bad).rejects.toThrow('this one');
  });

  it('fail while they wait when a statement before them got no answer', async () => {
    const { store, loads } = await busy();
    const waiting = Array.from({ length: 150 }, (_, each) => loads.load(keyOf(`user-${each}`)));
    store.pending[0]?.fail(new StorageUnavailableError());
    const ends = await Promise.allSettled(waiting);
    expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(150);
    expect(store.asked).toHaveLength(4);
  });

  it('fail together when the database is away, and are not sent again', async () => {
    const { store, loads } = await busy();
    const shared = ['e', 'f'].map((user) => loads.load(keyOf(user)));
    store.pending[0]?.answer();
    await turn();
    store.pending[4]?.fail(new StorageUnavailableError());
    for (const each of shared) await expect(each).rejects.toThrow(StorageUnavailableError);
    expect(store.asked).toHaveLength(5);
    const later = loads.load(keyOf('later'));
    await turn();
    store.pending[5]?.answer();
    expect((await later)?.userId).toBe('later');
  });
});
