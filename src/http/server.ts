import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { TlsListener } from './tls/tls-listener.js';

/** What one listener allows, beside what both do. */
export interface ServerOptions {
  /** Undefined: plain HTTP. */
  readonly tls: TlsListener | undefined;
  /** Connections at most; what is more is closed at once. */
  readonly maxConnections: number;
  /** Milliseconds for which an idle connection is kept. */
  readonly keepAliveMs: number;
  /** CIDRs of the proxies in front of it. */
  readonly trustedProxies: readonly string[];
  /** Called for each connection that was one too many. */
  readonly onDrop: () => void;
}

/** Milliseconds to receive the header of a request, and the whole of it. */
const HEADERS_MS = 15_000;
const REQUEST_MS = 30_000;
/**
 * Milliseconds between two looks at which requests are late. With Node's own 30 seconds a header
 * could take 45, and all late requests would be answered in one turn of the event loop, in which
 * nothing else is answered.
 */
const LOOK_MS = 1000;

/** Makes the servers of a listener: Fastify asks for one for each address that it listens at. */
export const serverFactory =
  ({ tls, maxConnections, keepAliveMs, onDrop }: ServerOptions) =>
  (handler: RequestListener): Server => {
    // A request without a host is answered by us, not by Node without a word.
    const options = { requireHostHeader: false, connectionsCheckingInterval: LOOK_MS };
    const server = tls ? tls.createServer(options, handler) : createServer(options, handler);
    server.headersTimeout = HEADERS_MS;
    server.requestTimeout = REQUEST_MS;
    server.keepAliveTimeout = keepAliveMs;
    server.maxConnections = maxConnections;
    server.on('drop', onDrop);
    return server;
  };
