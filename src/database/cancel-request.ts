import { connect as connectTcp, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import type pg from 'pg';

/** Milliseconds for the request to reach the server. */
const REQUEST_MS = 2000;
/** Milliseconds for the server to end a statement that it was asked to end. */
const ENDING_MS = 2000;
/** Codes of PostgreSQL's protocol (section "Message Formats"): CancelRequest and SSLRequest. */
const CANCEL_REQUEST = 80_877_102;
const SSL_REQUEST = 80_877_103;

/** What the driver knows of its connection, and its typings leave out. */
interface Connected {
  readonly host: string;
  readonly port: number;
  readonly ssl: false | ConnectionOptions;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/** Whether a statement's deadline has passed. The driver's error has no code. */
export const isDeadlinePassed = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Query read timeout';

/**
 * Asks the server to end the statement of a connection, and returns when the backend is gone or
 * idle. If the client only closes the connection, the backend goes on waiting for its lock, maybe
 * for hours, and uses up a connection of the server. Bounded: a server that does not answer at all
 * is not waited for.
 */
export async function endStatement(client: pg.ClientBase): Promise<void> {
  let limit: NodeJS.Timeout | undefined;
  const ended = new Promise<void>((resolve) => {
    client.once('drain', resolve);
    client.once('end', resolve);
    limit = setTimeout(resolve, REQUEST_MS + ENDING_MS);
  });
  requestCancel(client as unknown as Connected);
  await ended;
  clearTimeout(limit);
}

/** Sends a CancelRequest on a connection of its own. A pooler passes it on. */
function requestCancel({ host, port, ssl, processID, secretKey }: Connected): void {
  if (processID === null || secretKey === null) return;
  const path = host.startsWith('/') ? `${host}/.s.PGSQL.${String(port)}` : undefined;
  const socket = path === undefined ? connectTcp(port, host) : connectTcp(path);
  socket.setTimeout(REQUEST_MS, () => socket.destroy());
  // Whether or not it got through is seen by the statement.
  socket.on('error', () => undefined);
  const send = (stream: Socket) => stream.end(message(CANCEL_REQUEST, processID, secretKey));
  if (ssl === false || path !== undefined) {
    socket.once('connect', () => send(socket));
    return;
  }
  socket.once('connect', () => socket.write(message(SSL_REQUEST)));
  socket.once('data', (answer) => {
    if (answer.toString('latin1') !== 'S') return void socket.destroy();
    // An address is no server name (RFC 6066 section 3).
    const name = isIP(host) === 0 ? { servername: host } : {};
    const secure = connectTls({ host, ...name, ...ssl, socket }, () => send(secure));
    secure.on('error', () => undefined);
  });
}

/** A message without a type byte: its length, then 32-bit integers. */
function message(...integers: number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * integers.length);
  [bytes.length, ...integers].forEach((value, index) => bytes.writeInt32BE(value | 0, 4 * index));
  return bytes;
}
