import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** A forward proxy that can be told to misbehave. */
export interface ForwardProxy {
  readonly port: number;
  /** `CONNECT host:port`, or the method and URL of a plain request, in order. */
  readonly seen: string[];
  /** What it does with the next requests: `hang` never answers, a number is the status it answers. */
  mode: 'work' | 'hang' | number;
  close(): void;
}

export interface ForwardProxyOptions {
  /** Names that it alone knows: all of them are this machine. */
  readonly names: readonly string[];
  /** `user:password` that it insists on. */
  readonly credentials: string;
}

export async function startForwardProxy(options: ForwardProxyOptions): Promise<ForwardProxy> {
  const sockets = new Set<Duplex>();
  const seen: string[] = [];
  const state: { mode: ForwardProxy['mode'] } = { mode: 'work' };
  const expected = `Basic ${Buffer.from(options.credentials).toString('base64')}`;
  const keep = (socket: Duplex) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const hostOf = (name: string) => (options.names.includes(name) ? '127.0.0.1' : name);
  /** @returns the status to refuse with; undefined: let it through */
  const verdict = (authorization: string | undefined) => {
    if (typeof state.mode === 'number') return state.mode;
    return authorization === expected ? undefined : 407;
  };

  const server = createServer((incoming, outgoing) => {
    seen.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
    if (state.mode === 'hang') return;
    const status = verdict(incoming.headers['proxy-authorization']);
    if (status !== undefined) {
      outgoing.writeHead(status).end();
      return;
    }
    const url = new URL(incoming.url ?? '');
    const { method } = incoming;
    const headers = { ...incoming.headers, 'proxy-authorization': undefined };
    const target = { host: hostOf(url.hostname), port: url.port, path: url.pathname + url.search };
    const onward = request({ ...target, method, headers: clean(headers) }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.writeHead(502).end());
    incoming.pipe(onward);
  });
  server.on('connection', keep);
  server.on('connect', (incoming, socket) => {
    seen.push(`CONNECT ${incoming.url ?? ''}`);
    if (state.mode === 'hang') return;
    const status = verdict(incoming.headers['proxy-authorization']);
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${String(status)} No\r\n\r\n`);
      return;
    }
    const [host = '', port] = (incoming.url ?? '').split(':');
    const onward = connect(Number(port), hostOf(host), () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    keep(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    get mode() {
      return state.mode;
    },
    set mode(mode) {
      state.mode = mode;
      // Tunnels that are open already would go on as before.
      for (const socket of sockets) socket.destroy();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const clean = (headers: Record<string, string | string[] | undefined>) =>
  Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
