import { DueWindow } from './due-window.js';

describe('DueWindow', () => {
  let now: number;
  let window: DueWindow;
  beforeEach(() => {
    now = 1_000_000;
    window = new DueWindow(() => now);
  });
  /** One look. @returns how far back it went */
  const look = async (took: number, found: number, mayTakeAll = true): Promise<number | null> => {
    let went: number | null = NaN;
    await window.look(8, mayTakeAll, (back) => {
      went = back;
      now += took;
      return Promise.resolve(Array<number>(found).fill(0));
    });
    return went;
  };

  it('looks at everything while that is cheap', async () => {
    for (const found of [0, 8, 3, 0]) expect(await look(150, found)).toBeNull();
  });

  it('begins where a dear look ended, and looks at everything again after a while', async () => {
    expect(await look(1000, 3)).toBeNull();
    expect(await look(5, 0)).toBe(11_000);
    now += 4000;
    expect(await look(5, 0)).toBe(14_005);
    now += 20_000;
    expect(await look(1000, 0)).toBeNull();
  });

  it('goes no further back than what the last look that found all has left', async () => {
    await look(1000, 3);
    now += 5000;
    expect(await look(5, 8)).toBe(16_000);
    now += 5000;
    expect(await look(5, 8)).toBe(21_005);
  });

  it('looks once more for what it may not take over yet, as after an outage', async () => {
    await look(1000, 3);
    now += 5000;
    expect(await look(5, 0, false)).toBe(16_000);
    now += 5000;
    expect(await look(5, 0, true)).toBe(21_005);
    expect(await look(5, 0, true)).toBe(10_005);
  });

  it('looks at everything for as long as no look has found all', async () => {
    expect(await look(1000, 8)).toBeNull();
    expect(await look(1000, 8)).toBeNull();
  });

  it('looks at what is new after a look that was too dear for its deadline', async () => {
    const failing = window.look(8, true, () => {
      now += 3000;
      return Promise.reject(new Error('deadline'));
    });
    await expect(failing).rejects.toThrow('deadline');
    expect(await look(5, 1)).toBe(13_000);
    now += 60_000;
    expect(await look(5, 1)).toBeNull();
  });
});
