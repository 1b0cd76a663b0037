import { PublicShare } from './public-share.js';

/** Statements that end when they are told to. */
function statements(share: PublicShare, count: number) {
  const running = new Map<number, (error?: Error) => void>();
  const ended = Array.from({ length: count }, (_, index) =>
    share.run(
      () =>
        new Promise<number>((resolve, reject) => {
          running.set(index, (error) => {
            running.delete(index);
            if (error) reject(error);
            else resolve(index);
          });
        }),
    ),
  );
  return { running, ended };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the share of the public listener in the connections to the database', () => {
  it.each([
    [2, 1],
    [10, 2],
    [40, 10],
  ])('of a pool of %i is %i', async (poolSize, places) => {
    const { running, ended } = statements(new PublicShare({ poolSize }), places + 5);
    await turn();
    expect([...running.keys()]).toEqual(Array.from({ length: places }, (_, index) => index));
    while (running.size > 0) {
      for (const end of [...running.values()]) end();
      await turn();
      expect(running.size).toBeLessThanOrEqual(places);
    }
    expect(await Promise.all(ended)).toHaveLength(places + 5);
  });

  it('is given on in the order of the calls, also by a statement that fails', async () => {
    const { running, ended } = statements(new PublicShare({ poolSize: 4 }), 3);
    const outcome = Promise.allSettled(ended);
    await turn();
    running.get(0)?.(new Error('lost'));
    await turn();
    expect([...running.keys()]).toEqual([1]);
    running.get(1)?.();
    await turn();
    running.get(2)?.();
    expect((await outcome).map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
  });
});
