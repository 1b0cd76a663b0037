import rateLimit from '@fastify/rate-limit';
import { fastify } from 'fastify';
import type { FastifyRequest } from 'fastify';
import { requestCounts } from './request-counts.js';

const CEILING = 12;
const WINDOW_MS = 60_000;

/** A ceiling as the listeners have it, asked without a request on its way. */
async function ceiling(capacity: number) {
  const instance = fastify();
  await instance.register(rateLimit, { global: false, store: requestCounts(capacity) });
  const count = instance.createRateLimit({
    max: CEILING,
    timeWindow: WINDOW_MS,
    keyGenerator: ({ ip }) => ip,
  });
  await instance.ready();
  return async (ip: string) => {
    const counted = await count({ ip, routeOptions: {} } as FastifyRequest);
    return counted.isAllowed || !counted.isExceeded;
  };
}

describe('the counts of a ceiling', () => {
  it('let through as many of those that arrive together as of those that come one by one', async () => {
    const letThrough = await ceiling(10);
    const together = await Promise.all(Array.from({ length: 20 }, () => letThrough('a')));
    expect(together.filter(Boolean)).toHaveLength(CEILING);
    expect(together.slice(0, CEILING).every(Boolean)).toBe(true);
    expect(await letThrough('a')).toBe(false);
    expect(await letThrough('b')).toBe(true);
  });

  it('forget the key that was asked for least recently, and no other', async () => {
    const letThrough = await ceiling(2);
    for (const key of ['a', 'b'])
      await Promise.all(Array.from({ length: CEILING }, () => letThrough(key)));
    expect(await letThrough('a')).toBe(false);
    expect(await letThrough('c')).toBe(true);
    expect(await letThrough('a')).toBe(false);
    expect(await letThrough('b')).toBe(true);
  });
});
