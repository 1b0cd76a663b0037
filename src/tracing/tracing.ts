import type { FastifyInstance } from 'fastify';
import { untraced } from '../common/index.js';
import type { Trace } from '../common/index.js';

/** Tells a collector what took how long; or nobody. */
export abstract class Tracing {
  /** Spans that were lost. */
  abstract readonly dropped: number;
  abstract readonly trace: Trace;
  /**
   * Makes each request a span. @param callersAreKnown whether a `traceparent` is believed: a stranger
   * could choose what is kept, and under which id
   */
  abstract attach(instance: FastifyInstance, callersAreKnown: boolean): void;
  /** Sends what is left, in bounded time. */
  abstract close(): Promise<void>;
}

/** No traces. */
export const NO_TRACING: Tracing = {
  dropped: 0,
  trace: untraced,
  attach: () => undefined,
  close: () => Promise.resolve(),
};
