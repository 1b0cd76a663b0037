import { Turnstile } from './turnstile.js';

describe('Turnstile', () => {
  const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

  it('lets so many go on in each turn, in the order in which they came', async () => {
    const turnstile = new Turnstile(3);
    const passed: number[] = [];
    for (let each = 0; each < 8; each += 1) void turnstile.pass().then(() => passed.push(each));
    const after: number[][] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      await Promise.resolve();
      after.push([...passed]);
      await nextTurn();
    }
    expect(after.map(({ length }) => length)).toEqual([3, 6, 8, 8]);
    expect(passed).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('has whoever comes while others wait go after them', async () => {
    const turnstile = new Turnstile(1);
    const passed: string[] = [];
    const come = (name: string) => void turnstile.pass().then(() => passed.push(name));
    for (const name of ['a', 'b', 'c']) come(name);
    await nextTurn();
    come('d');
    for (let turn = 0; turn < 4; turn += 1) await nextTurn();
    expect(passed).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keeps nobody waiting once a turn has passed', async () => {
    const turnstile = new Turnstile(1);
    for (let turn = 0; turn < 3; turn += 1) {
      let gone = false;
      void turnstile.pass().then(() => (gone = true));
      await Promise.resolve();
      expect(gone).toBe(true);
      await nextTurn();
    }
  });
});
