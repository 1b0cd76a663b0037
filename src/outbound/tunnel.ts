import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { ProxyServer } from '../config/index.js';

/** A tunnel that did not come about. Its code says why; nothing was sent through it. */
class TunnelError extends Error {
  constructor(readonly code: string) {
    super(code);
    this.name = 'TunnelError';
  }
}

/**
 * Connects through a proxy: CONNECT (RFC 9110 section 9.3.6), then TLS from end to end. Our own
 * rather than undici's ProxyAgent, which has no time limit for a proxy that never answers, and says
 * why it was refused only in the text of a message.
 *
 * @param timeout milliseconds for the tunnel, and once more for the handshake in it
 */
export function tunnelThrough(proxy: ProxyServer, timeout: number): buildConnector.connector {
  const handshake = buildConnector({ timeout });
  return (options, callback) => {
    const authority = options.port ? options.host : `${String(options.host)}:443`;
    openTunnel(proxy, String(authority), timeout).then(
      (httpSocket) => {
        handshake({ ...options, httpSocket }, callback);
      },
      (error: unknown) => {
        callback(error as Error, null);
      },
    );
  };
}

function openTunnel(proxy: ProxyServer, authority: string, timeout: number): Promise<Socket> {
  const { promise, resolve, reject } = withResolvers<Socket>();
  const request = (proxy.secure ? tlsRequest : plainRequest)({
    ...{ host: proxy.host, port: proxy.port, method: 'CONNECT', path: authority, agent: false },
    headers: {
      host: authority,
      ...(proxy.authorization ? { 'proxy-authorization': proxy.authorization } : {}),
    },
  });
  const timer = setTimeout(() => {
    request.destroy(new TunnelError('proxy_timeout'));
  }, timeout);
  request.once('connect', ({ statusCode = 0 }, socket) => {
    clearTimeout(timer);
    if (statusCode >= 200 && statusCode < 300) {
      resolve(socket);
      return;
    }
    socket.destroy();
    reject(new TunnelError(`proxy_${String(statusCode)}`));
  });
  request.once('error', (error: NodeJS.ErrnoException) => {
    clearTimeout(timer);
    const code = error instanceof TunnelError ? error.code : `proxy_${error.code ?? 'error'}`;
    reject(new TunnelError(code));
  });
  request.end();
  return promise;
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
