import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { errorOfStatus, invalidRequest } from '../common/index.js';
import type { VaultError } from '../common/index.js';
import { NO_SNIFFING } from './error-renderer.js';
import type { ErrorAnswer, ErrorRenderer } from './error-renderer.js';

/** What Node's parser refuses otherwise than by 400, by its error codes. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

/** The latest request on a connection, with its answer. */
const exchanges = new WeakMap<Socket, readonly [IncomingMessage, ServerResponse]>();

/** Answers what is no HTTP, or too much of it, as the listener answers errors: no route saw it. */
export const clientErrorHandler =
  (renderError: ErrorRenderer) =>
  (thrown: NodeJS.ErrnoException, socket: Socket): void => {
    if (thrown.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    // What is wrong with the rest of a request that was answered early is nobody's business any more:
    // a second answer would be taken for the one to the next request.
    const [request, response] = exchanges.get(socket) ?? [];
    if (response?.headersSent && !request?.complete) {
      socket.end();
      return;
    }
    const error = errorOfStatus(STATUS_BY_CODE[thrown.code ?? ''] ?? 400);
    const answer = renderError(error);
    const fields = Object.entries(closing(answer)).map(([name, value]) => `${name}: ${value}\r\n`);
    const statusLine = `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n`;
    socket.end(`${statusLine}${fields.join('')}\r\n${answer.body}`);
  };

/**
 * Answers what Node refuses by itself, without a word: an expectation that nobody knows, and a
 * request without a host. For the latter Node must be told to let it through, `requireHostHeader`.
 */
export function answerForNode(instance: FastifyInstance, renderError: ErrorRenderer): void {
  instance.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    exchanges.set(request.socket, [request, response]);
  });
  instance.server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const answer = renderError(errorOfStatus(417));
    response.writeHead(417, closing(answer)).end(answer.body);
  });
  instance.addHook('onRequest', ({ headers, raw }, reply, done) => {
    void reply.headers(NO_SNIFFING);
    done(headers.host === undefined && raw.httpVersion === '1.1' ? missingHost() : undefined);
  });
}

/** RFC 9112 section 3.2 wants a host of HTTP/1.1 only. */
const missingHost = (): VaultError => invalidRequest({ host: ['is missing'] });

const closing = ({ headers, body }: ErrorAnswer): Record<string, string> => ({
  ...NO_SNIFFING,
  ...headers,
  'content-length': String(Buffer.byteLength(body)),
  connection: 'close',
});
