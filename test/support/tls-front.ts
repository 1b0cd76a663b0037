import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import type { Credentials } from './certificates.js';

/** TLS before a plain server on this machine. */
export interface TlsFront {
  readonly port: number;
  /** Shows another certificate to whoever connects from now on. */
  use(certificate: Credentials): void;
  close(): void;
}

/** @param target the plain server's port */
export async function startTlsFront(certificate: Credentials, target: number): Promise<TlsFront> {
  const sockets = new Set<{ destroy(): unknown }>();
  const server = createServer(certificate, (socket) => {
    const inner = connect(target, '127.0.0.1');
    for (const each of [socket, inner]) {
      sockets.add(each);
      each.on('error', () => undefined);
      each.on('close', () => sockets.delete(each));
    }
    socket.pipe(inner).pipe(socket);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    use: (next) => {
      server.setSecureContext(next);
      drop();
    },
    close: () => {
      drop();
      server.close();
    },
  };
}
