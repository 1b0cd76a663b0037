import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { VaultError } from '../common/index.js';
import { sendProblem } from './problem.filter.js';

/** Bytes of a request body at most; the largest legitimate one has a few hundred. */
const BODY_LIMIT = 64 * 1024;
/** A user id of 255 four-byte characters, percent-encoded, and some room. */
const MAX_PARAMETER = 4096;
/** Milliseconds to receive a whole request, and to keep an idle connection. */
const REQUEST_TIMEOUT = 30_000;
const KEEP_ALIVE = 65_000;

/** How an error that no route saw (a URL that cannot be decoded) is answered. */
export type FrameworkErrorHandler = (reply: FastifyReply, error: VaultError) => void;

/** Fastify with the limits both listeners share. Its own logger is off: it logs URLs. */
export function fastifyAdapter(onFrameworkError: FrameworkErrorHandler = sendProblem) {
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: MAX_PARAMETER, caseSensitive: true },
    requestTimeout: REQUEST_TIMEOUT,
    keepAliveTimeout: KEEP_ALIVE,
    forceCloseConnections: 'idle',
    // A closing listener serves what still arrives on open connections, and then closes them.
    return503OnClosing: false,
    // A HEAD that ran a GET handler would spend a callback's code for a link preview.
    exposeHeadRoutes: false,
    logger: false,
    frameworkErrors: (_error: unknown, _request: unknown, reply: unknown) => {
      onFrameworkError(
        reply as FastifyReply,
        new VaultError(400, 'invalid_request', 'Invalid request', 'The URL is malformed.'),
      );
    },
  });
}

/** Answers what is not HTTP at all with a bare 400 or 431 instead of a torn connection. */
export function answerBrokenRequests(instance: FastifyInstance): void {
  const server = instance.server;
  server.removeAllListeners('clientError');
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const status =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : '400 Bad Request';
    const body = JSON.stringify({
      title: status.slice(4),
      status: Number(status.slice(0, 3)),
      code: 'invalid_request',
    });
    socket.end(
      `HTTP/1.1 ${status}\r\nContent-Type: application/problem+json\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
  });
}
