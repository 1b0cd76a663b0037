import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../common/index.js';
import type { Metrics } from '../metrics/index.js';

/** Milliseconds over which refusals for want of the database or a provider are added up. */
const SUM_MS = 10_000;

interface Sum {
  readonly route: string;
  readonly code: string;
  /** One of them, to look for at the caller's. */
  readonly request_id: string;
  count: number;
}

/**
 * One metric and one log line per request, by route pattern: a URL may hold a user id, a code or a
 * state. Successes are logged at `debug`, so that reads cost no line each. So are 503s, and their sums at
 * `warn`: in an outage there are thousands a second. That a replica is not ready is said part by part.
 */
export class RequestLog {
  private sums = new Map<string, Sum>();

  constructor(
    private readonly log: Log,
    private readonly metrics: Metrics,
  ) {}

  attach(instance: FastifyInstance): void {
    instance.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done) => {
      this.record(request, reply);
      done();
    });
    const timer = setInterval(() => {
      this.flush();
    }, SUM_MS).unref();
    instance.addHook('onClose', (_, done) => {
      clearInterval(timer);
      this.flush();
      done();
    });
  }

  private flush(): void {
    const { sums } = this;
    this.sums = new Map();
    for (const sum of sums.values()) this.log.event('warn', 'http.unavailable', { ...sum });
  }

  private record(request: FastifyRequest, reply: FastifyReply): void {
    const route = request.routeOptions.url ?? 'none';
    const status = reply.statusCode;
    this.metrics.requests.count(route, status, reply.elapsedTime / 1000);
    if (status === 503) this.sum(route, request);
    const level = status >= 500 && status !== 503 ? 'warn' : 'debug';
    if (!this.log.writes(level)) return;
    this.log.event(level, 'http.request', {
      request_id: request.id,
      method: request.method,
      route,
      status,
      milliseconds: Math.round(reply.elapsedTime * 10) / 10,
    });
  }

  private sum(route: string, { problemCode: code, id }: FastifyRequest): void {
    if (code === undefined) return;
    const key = `${route} ${code}`;
    const sum = this.sums.get(key) ?? { route, code, request_id: id, count: 0 };
    sum.count += 1;
    this.sums.set(key, sum);
  }
}
