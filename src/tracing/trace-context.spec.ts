import { childOf, parseTraceparent } from './trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const ALL = { ratio: 1, followsParent: true };

describe('traceparent', () => {
  it('is read as W3C Trace Context writes it', () => {
    const sampled = { traceId: TRACE, spanId: SPAN, sampled: true };
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual(sampled);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)).toEqual({ ...sampled, sampled: false });
    // A later version may say more.
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-03-more`)).toEqual(sampled);
  });

  it.each([
    undefined,
    ['a', 'b'],
    '',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  ])('is ignored where it is %j', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});

describe('a new span', () => {
  it('is in the trace of its parent, which decides whether it is kept', () => {
    for (const sampled of [true, false]) {
      const child = childOf({ traceId: TRACE, spanId: SPAN, sampled }, ALL);
      expect(child).toMatchObject({ traceId: TRACE, sampled });
      expect(child.spanId).toMatch(/^[0-9a-f]{16}$/);
      expect(child.spanId).not.toBe(SPAN);
    }
  });

  it('at the root of a trace is kept by the share asked for, the same for the same trace', () => {
    const kept = (ratio: number) =>
      Array.from({ length: 1000 }, () => childOf(undefined, { ratio, followsParent: true })).filter(
        ({ sampled }) => sampled,
      ).length;
    expect(kept(1)).toBe(1000);
    expect(kept(0)).toBe(0);
    expect(Math.abs(kept(0.5) - 500)).toBeLessThan(120);
    const parent = { traceId: TRACE, spanId: SPAN, sampled: false };
    const decide = () => childOf(parent, { ratio: 0.5, followsParent: false }).sampled;
    expect(decide()).toBe(decide());
  });
});
