import { connect } from 'node:net';

/** An HTTP answer as it came over the wire; status 0 when the connection closed without one. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One request, put on the wire as it is: no client library stands between to make it well-formed. */
export interface WireRequest {
  method?: string;
  /** The request target, byte by byte. */
  target?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Buffer;
  /** A body as it is, without a Content-Length. */
  chunks?: string;
}

/** Sends raw bytes and reads until the server closes. */
export async function sendBytes(base: string, bytes: string | Buffer): Promise<WireAnswer> {
  const { hostname, port } = new URL(base);
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      // Not ended: Node answers nobody who has stopped talking.
      socket.write(bytes);
    });
    socket.setTimeout(10_000, () => {
      socket.destroy(new Error('the server neither answered nor closed'));
    });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server may close while a body that is too large is still being sent.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve();
      else reject(error);
    });
    socket.on('close', () => {
      resolve();
    });
  });
  return parse(Buffer.concat(chunks).toString('utf8'));
}

/** Sends one request and reads its answer. */
export function send(base: string, request: WireRequest): Promise<WireAnswer> {
  const body = Buffer.from(request.body ?? request.chunks ?? '');
  const headers: Record<string, string> = {
    Host: new URL(base).host,
    Connection: 'close',
    ...(request.body === undefined ? {} : { 'Content-Length': String(body.length) }),
    ...request.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const head = [`${request.method ?? 'GET'} ${request.target ?? '/'} HTTP/1.1`, ...lines, '', ''];
  return sendBytes(base, Buffer.concat([Buffer.from(head.join('\r\n')), body]));
}

function parse(text: string): WireAnswer {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return { status: 0, headers: {}, body: text };
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  const body = text.slice(end + 4);
  const fields = Object.fromEntries(headers);
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: fields,
    body: fields['transfer-encoding'] === 'chunked' ? joined(body) : body,
  };
}

/** The content of a chunked body (RFC 9112 section 7.1). */
function joined(chunked: string): string {
  return chunked.replaceAll(/(^|\r\n)[0-9a-f]+\r\n/g, '').trim();
}
