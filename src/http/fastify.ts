import type { IncomingMessage } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { invalidRequest } from '../common/index.js';
import { answerForNode, clientErrorHandler } from './client-errors.js';
import { sendError } from './error-renderer.js';
import type { ErrorRenderer } from './error-renderer.js';
import { serverFactory } from './server.js';
import type { ServerOptions } from './server.js';

/** Bytes of a request body at most; the largest legitimate one has a few hundred. */
const BODY_LIMIT = 64 * 1024;
/** A user id of 255 four-byte characters, percent-encoded, and some room. */
const MAX_PARAMETER = 4096;

/**
 * Fastify with the limits both listeners share. Its own logger is off: it logs URLs.
 *
 * @param renderError how errors are answered that no route of the listener sees
 * @param options what is this listener's own
 * @param rewriteUrl which path a request's URL means
 */
export function fastifyAdapter(
  renderError: ErrorRenderer,
  options: ServerOptions,
  rewriteUrl: (url: string) => string = (url) => url,
): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: MAX_PARAMETER, caseSensitive: true },
    serverFactory: serverFactory(options),
    rewriteUrl: (request: IncomingMessage) => rewriteUrl(request.url ?? '/'),
    // Whose X-Forwarded-For is believed: nobody's unless said.
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    forceCloseConnections: 'idle',
    // A closing listener serves what still arrives on open connections, and then closes them.
    return503OnClosing: false,
    // A HEAD that ran a GET handler would spend a callback's code for a link preview.
    exposeHeadRoutes: false,
    logger: false,
    clientErrorHandler: clientErrorHandler(renderError),
    // A URL that cannot be decoded, or with a parameter that is too long.
    frameworkErrors: (_error: unknown, _request: unknown, reply: unknown) => {
      sendError(reply as FastifyReply, invalidRequest({ url: ['is malformed'] }), renderError);
    },
  });
  answerForNode(adapter.getInstance(), renderError);
  return adapter;
}
