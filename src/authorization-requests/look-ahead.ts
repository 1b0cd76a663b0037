import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Headers in which browsers say that nobody has gone to the page yet. */
const HEADERS = ['sec-purpose', 'purpose', 'x-moz', 'x-purpose'];
const LOOK_AHEAD = /\b(prefetch|prerender|preview)\b/i;

/** Whether a request only looks ahead: a prefetch, a prerender or a preview. */
const isLookAhead = (headers: IncomingHttpHeaders): boolean =>
  HEADERS.some((name) => LOOK_AHEAD.test(String(headers[name] ?? '')));

/**
 * Refuses what only looks ahead, on the whole listener: a GET spends a code here. The answer is
 * empty and no success, so that no browser shows it in place of the visit, and no cache keeps it.
 */
export function refuseLookAheads(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    void reply.header('vary', 'Sec-Purpose, Purpose, X-Moz, X-Purpose');
    if (!isLookAhead(request.headers)) {
      done();
      return;
    }
    void reply.status(403).header('cache-control', 'no-store').send();
  });
}
