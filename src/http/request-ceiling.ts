import { isIP } from 'node:net';
import rateLimit from '@fastify/rate-limit';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { rateLimited } from '../common/index.js';
import { requestCounts } from './request-counts.js';

/** Milliseconds that one count is for, and so how much may come at once. */
const BURST_MS = 3000;
/** IPv6 addresses are given out by this many bits: who has one has all that begin alike. */
const IPV6_SUBNET = 64;

/** Resolves for a request that is let through. @throws VaultError 429 `rate_limited` otherwise */
export type RequestCeiling = (request: FastifyRequest) => Promise<void>;

/** Whose requests are counted together, and how many of them there may be. */
export interface CeilingOptions {
  readonly perSecond: number;
  /** Counts kept at most; the one that was asked for least recently is forgotten first. */
  readonly capacity: number;
  readonly keyOf: (request: FastifyRequest) => string;
}

/**
 * A ceiling on requests of one kind of sender, counted in this process alone. Over three seconds, so
 * that what comes in a burst is no fault: three seconds' worth at once, and no more in the long run
 * than asked for.
 */
export async function requestCeiling(
  app: NestFastifyApplication,
  { perSecond, capacity, keyOf }: CeilingOptions,
): Promise<RequestCeiling> {
  const instance = app.getHttpAdapter().getInstance();
  await instance.register(rateLimit, { global: false, store: requestCounts(capacity) });
  const count = instance.createRateLimit({
    max: (perSecond * BURST_MS) / 1000,
    timeWindow: BURST_MS,
    keyGenerator: keyOf,
  });
  return async (request) => {
    const counted = await count(request);
    if (!counted.isAllowed && counted.isExceeded) throw rateLimited(counted.ttlInSeconds);
  };
}

/** The address that a request came from, by the word of trusted proxies; a subnet for IPv6. */
export function senderOf({ ip, raw }: FastifyRequest): string {
  // What a proxy passes on is text; what the socket says is an address.
  const address = isIP(ip) === 0 ? (raw.socket.remoteAddress ?? '') : ip;
  return rateLimit.normalizeIP(address, IPV6_SUBNET);
}
