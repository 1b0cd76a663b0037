import fc from 'fast-check';
import { afterCall, isWary, newWindow, windowSize } from './call-window.js';
import type { CallEnd, CallWindow } from './call-window.js';

const CEILING = 32;
const now = 1_000_000;
const window = (changed: Partial<CallWindow>): CallWindow => ({
  ...{ size: 8, settling: 0, inOrder: 5, provenAt: now - 1000 },
  ...changed,
});
const after = (before: CallWindow, end: CallEnd, inFlight: number) =>
  afterCall(before, end, inFlight, { ceiling: CEILING, now });

describe('how many calls may be in flight', () => {
  it.each<[string, CallWindow, CallEnd, number, Partial<CallWindow>]>([
    ['three more after a call in order', window({}), 'in_order', 8, { size: 11, provenAt: now }],
    ['three more where half of it is used', window({}), 'in_order', 4, { size: 11 }],
    ['no more where less than half is used', window({}), 'in_order', 3, { size: 8 }],
    [
      'one less where less than a quarter is used',
      window({ size: 20 }),
      'in_order',
      4,
      { size: 19 },
    ],
    ['no less than a quarter of the ceiling for that', window({}), 'in_order', 1, { size: 8 }],
    ['no more than the ceiling', window({ size: CEILING }), 'in_order', 32, { size: CEILING }],
    ['half after a failure', window({}), 'failed', 8, { size: 4, settling: 7, inOrder: 0 }],
    [
      'half once, for all in flight',
      window({ settling: 7 }),
      'failed',
      8,
      { size: 8, settling: 6 },
    ],
    ['one at least', window({ size: 1 }), 'failed', 1, { size: 1 }],
    ['one after a token spent for nothing', window({}), 'spent', 8, { size: 1, settling: 7 }],
    ['one while others of that time end', window({ settling: 3 }), 'spent', 8, { size: 1 }],
    ['one after an outage', window({}), 'stopped', 8, { size: 1, settling: 8, inOrder: 0 }],
    ['no more by what was in flight then', window({ settling: 7 }), 'in_order', 8, { size: 8 }],
    [
      'what is allowed when nothing is known, after half a minute of silence',
      window({ size: 30, provenAt: now - 30_001 }),
      'in_order',
      8,
      { size: 11 },
    ],
  ])('is %s', (_, before, end, inFlight, expected) => {
    expect(after(before, end, inFlight)).toMatchObject(expected);
  });

  it.each([
    [1, 1],
    [2, 2],
    [4, 2],
    [32, 8],
    [256, 64],
  ])('is, with a ceiling of %i, %i when nothing is known', (ceiling, size) => {
    expect(windowSize(newWindow(ceiling), { ceiling, now })).toBe(size);
  });

  it('is four times as wide after each round of calls', () => {
    let at = after(newWindow(CEILING), 'stopped', 0);
    const sizes = Array.from({ length: 4 }, () => {
      const { size } = at;
      for (let call = 0; call < size; call += 1) at = after(at, 'in_order', at.size);
      return at.size;
    });
    expect(sizes).toEqual([4, 16, CEILING, CEILING]);
  });

  it('is for calls to find out what is in doubt first, until five have ended in order', () => {
    let at = after(window({}), 'failed', 1);
    const wary = Array.from({ length: 5 }, () => {
      const before = isWary(at);
      at = after(at, 'in_order', 1);
      return before;
    });
    expect([...wary, isWary(at)]).toEqual([true, true, true, true, true, false]);
  });

  it('stays between one and the ceiling, whatever happens', () => {
    const ends = fc.constantFrom<CallEnd>('in_order', 'failed', 'spent', 'stopped');
    const steps = fc.array(fc.tuple(ends, fc.nat(CEILING)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (calls) => {
        let at = newWindow(CEILING);
        for (const [end, inFlight] of calls) {
          at = after(at, end, inFlight);
          expect(at.size).toBeGreaterThanOrEqual(1);
          expect(at.size).toBeLessThanOrEqual(CEILING);
        }
      }),
    );
  });
});
