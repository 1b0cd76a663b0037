import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../common/index.js';
import type { Metrics } from '../metrics/index.js';

/**
 * One log line and one metric per request, by route pattern: a URL may hold a user id, a code or a
 * state. Successes are logged at `debug`, so that reads cost no line each.
 */
export class RequestLog {
  constructor(
    private readonly log: Log,
    private readonly metrics: Metrics,
  ) {}

  attach(instance: FastifyInstance): void {
    instance.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done) => {
      this.record(request, reply);
      done();
    });
  }

  private record(request: FastifyRequest, reply: FastifyReply): void {
    const route = request.routeOptions.url ?? 'none';
    const status = reply.statusCode;
    this.metrics.requests.count(route, status, reply.elapsedTime / 1000);
    const level = status >= 500 ? 'warn' : 'debug';
    if (!this.log.writes(level)) return;
    this.log.event(level, 'http.request', {
      request_id: request.id,
      method: request.method,
      route,
      status,
      milliseconds: Math.round(reply.elapsedTime * 10) / 10,
    });
  }
}
