import { KeyedSingleFlight } from './keyed-single-flight.js';

/** A promise that resolves when told to. */
function held() {
  let resolve: (value: number) => void = () => undefined;
  const promise = new Promise<number>((tell) => (resolve = tell));
  return {
    promise,
    resolve: (value: number) => {
      resolve(value);
    },
  };
}

describe('a keyed single flight', () => {
  it('runs once for all who ask for the same key meanwhile, and again afterwards', async () => {
    const flight = new KeyedSingleFlight<number>();
    const { promise, resolve } = held();
    let runs = 0;
    const work = () => {
      runs += 1;
      return promise;
    };
    const asked = [flight.run('a', work), flight.run('a', work), flight.run('a', work)];
    expect(flight.size).toBe(1);
    resolve(7);
    expect(await Promise.all(asked)).toEqual([7, 7, 7]);
    expect({ runs, size: flight.size }).toEqual({ runs: 1, size: 0 });
    await flight.run('a', work);
    expect(runs).toBe(2);
  });

  it('keeps keys apart', async () => {
    const flight = new KeyedSingleFlight<string>();
    const each = ['a', 'b', '__proto__', 'constructor'];
    const results = each.map((key) => flight.run(key, () => Promise.resolve(key)));
    expect(await Promise.all(results)).toEqual(each);
  });

  it('shares a failure, and forgets it', async () => {
    const flight = new KeyedSingleFlight<number>();
    const fail = () => Promise.reject(new Error('no luck'));
    const asked = [flight.run('a', fail), flight.run('a', fail)];
    for (const each of asked) await expect(each).rejects.toThrow('no luck');
    expect(await flight.run('a', () => Promise.resolve(1))).toBe(1);
  });

  it('is settled when all that runs has ended, well or badly', async () => {
    const flight = new KeyedSingleFlight<number>();
    const slow = held();
    void flight.run('a', () => Promise.reject(new Error('no luck'))).catch(() => undefined);
    void flight.run('b', () => slow.promise);
    let settled = false;
    const waiting = flight.settled().then(() => (settled = true));
    await Promise.resolve();
    expect(settled).toBe(false);
    slow.resolve(1);
    await waiting;
    expect(flight.size).toBe(0);
  });
});
