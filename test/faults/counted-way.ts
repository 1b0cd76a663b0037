import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** PostgreSQL's protocol, section "Message Formats": what a CancelRequest has where others have a version. */
const CANCEL_REQUEST = 80_877_102;

/** One replica's way to a server of the suite, which counts the connections that are open on it. */
export class CountedWay {
  /** Connections that want a backend, open at one time. Requests to cancel a statement want none. */
  most = 0;
  private readonly open = new Set<Socket>();
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer((client) => {
    this.join(client);
  });

  private constructor(private readonly to: number) {}

  /** @param to the port that it leads to */
  static async start(to: number): Promise<CountedWay> {
    const way = new CountedWay(to);
    way.server.listen(0, '127.0.0.1');
    await new Promise((resolve) => way.server.once('listening', resolve));
    return way;
  }

  url(database: string): string {
    const { port } = this.server.address() as AddressInfo;
    return `postgres://postgres@127.0.0.1:${port}/${database}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: Socket): void {
    const upstream = connect(this.to, '127.0.0.1');
    client.once('data', (first: Buffer) => {
      if (first.length >= 8 && first.readUInt32BE(4) === CANCEL_REQUEST) return;
      this.open.add(client);
      this.most = Math.max(this.most, this.open.size);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        this.open.delete(socket);
        other.destroy();
      });
    }
  }
}
