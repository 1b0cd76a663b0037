import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { certificateNames } from './certificate-name.js';

/** What the certificate of a connection says, found out once. */
interface Presented {
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly validUntil: number;
}

const NOTHING: Presented = { names: [], validUntil: -Infinity };

/** Knows what callers' certificates say, for as long as their connections last. */
export class ClientCertificates {
  private readonly presented = new WeakMap<Socket, Presented>();

  /**
   * The URIs and DNS names of the certificate that a caller connected with, if the CA signed it; none
   * for a connection without one, or whose certificate has ended since.
   */
  namesOf(socket: Socket): readonly string[] {
    let known = this.presented.get(socket);
    if (!known) {
      known = read(socket);
      this.presented.set(socket, known);
    }
    return Date.now() < known.validUntil ? known.names : [];
  }
}

function read(socket: Socket): Presented {
  // Authorized: the chain ends at our CA, is in time, and is meant for clients.
  if (!(socket instanceof TLSSocket) || !socket.authorized) return NOTHING;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return NOTHING;
  return {
    names: certificateNames(certificate.subjectAltName),
    validUntil: Date.parse(certificate.validTo),
  };
}
