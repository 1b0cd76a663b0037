import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../common/index.js';
import { ConcurrencyLimit } from './concurrency-limit.js';

/** A clock whose time is up when it is told so. */
class ToldClock implements Clock {
  private readonly ends = new Set<() => void>();
  now = () => 0;
  sleep(): Promise<void> {
    return new Promise((resolve) => void this.ends.add(resolve));
  }
  after(_milliseconds: number, callback: () => void): () => void {
    this.ends.add(callback);
    return () => this.ends.delete(callback);
  }
  timeIsUp(): void {
    for (const end of this.ends) end();
  }
}

describe('the limit of calls in flight', () => {
  let clock: ToldClock;
  let limit: ConcurrencyLimit;
  beforeEach(() => {
    clock = new ToldClock();
    limit = new ConcurrencyLimit(8);
  });
  const fill = async (places: number) => {
    for (let place = 0; place < places; place += 1) {
      expect(await limit.wait(1000, clock)).toBe(true);
    }
  };

  it('lets so many in at once, and the next when one leaves', async () => {
    await fill(8);
    let entered = false;
    const next = limit.wait(1000, clock).then((had) => (entered = had));
    await turn();
    expect({ entered, waiting: limit.waiting }).toEqual({ entered: false, waiting: 1 });
    limit.leave();
    expect(await next).toBe(true);
    expect({ inFlight: limit.inFlight, waiting: limit.waiting }).toEqual({
      inFlight: 8,
      waiting: 0,
    });
  });

  it('serves readers in the order in which they came', async () => {
    await fill(8);
    const order: number[] = [];
    const waiting = [1, 2, 3].map((reader) =>
      limit.wait(1000, clock).then(() => order.push(reader)),
    );
    for (const each of waiting) {
      limit.leave();
      await each;
    }
    expect(order).toEqual([1, 2, 3]);
  });

  it('keeps a quarter free from the backlog', async () => {
    expect(limit.roomForBacklog).toBe(6);
    await fill(6);
    expect(limit.roomForBacklog).toBe(0);
    await fill(2);
    expect(limit.inFlight).toBe(8);
  });

  it.each([
    [1, 1],
    [2, 2],
    [4, 3],
    [32, 24],
    [33, 25],
    [256, 248],
  ])(
    'lets the backlog have of %i places all but a quarter, and but eight at most',
    (all, backlog) => {
      expect(new ConcurrencyLimit(all).roomForBacklog).toBe(backlog);
    },
  );

  it('gives the backlog nothing while a reader waits', async () => {
    await fill(8);
    const reader = limit.wait(1000, clock);
    expect(limit.roomForBacklog).toBe(0);
    limit.leave();
    await reader;
    for (let place = 0; place < 8; place += 1) limit.leave();
    expect(limit.roomForBacklog).toBe(6);
  });

  it('lets the backlog work even where there is a single place', () => {
    expect(new ConcurrencyLimit(1).roomForBacklog).toBe(1);
    expect(new ConcurrencyLimit(1).minimumBatch).toBe(1);
  });

  it('gives up when the time is up, and the place goes to the next in line', async () => {
    await fill(8);
    const impatient = limit.wait(10, clock);
    clock.timeIsUp();
    expect(await impatient).toBe(false);
    const patient = limit.wait(1000, clock);
    limit.leave();
    expect(await patient).toBe(true);
    expect({ inFlight: limit.inFlight, waiting: limit.waiting }).toEqual({
      inFlight: 8,
      waiting: 0,
    });
  });

  it('loses no place that is handed over in the very moment of giving up', async () => {
    await fill(8);
    const torn = limit.wait(10, clock);
    clock.timeIsUp();
    limit.leave();
    expect(await torn).toBe(true);
    expect(limit.inFlight).toBe(8);
    for (let place = 0; place < 8; place += 1) limit.leave();
    expect(limit.inFlight).toBe(0);
  });

  it('lets in as many as calls in order have shown to be of use, readers who wait first', async () => {
    limit = new ConcurrencyLimit(8, undefined, clock);
    expect(limit.roomForBacklog).toBe(2);
    await fill(2);
    const readers = [1, 2, 3, 4].map(() => limit.wait(1000, clock));
    expect(limit.waiting).toBe(4);
    limit.ended('in_order');
    await readers[2];
    expect({ inFlight: limit.inFlight, waiting: limit.waiting }).toEqual({
      inFlight: 5,
      waiting: 1,
    });
    limit.leave();
    expect(await readers[3]).toBe(true);
    expect({ inFlight: limit.inFlight, places: limit.places }).toEqual({ inFlight: 5, places: 5 });
  });

  it('hands no place over that trouble has taken away', async () => {
    limit = new ConcurrencyLimit(8, undefined, clock);
    await fill(2);
    limit.ended('in_order');
    await fill(3);
    const reader = limit.wait(1000, clock);
    limit.ended('spent');
    for (let call = 0; call < 4; call += 1) limit.leave();
    expect({ inFlight: limit.inFlight, waiting: limit.waiting }).toEqual({
      inFlight: 1,
      waiting: 1,
    });
    limit.leave();
    expect(await reader).toBe(true);
  });
});
