import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** What a client says at once, and what it adds to that a byte a second. */
export interface Manner {
  readonly name: string;
  readonly says: string;
  /** Repeated without end; nothing: it falls silent. */
  readonly drips?: string;
}

/** A connection that somebody holds open without ever finishing a request. */
export class SlowClient {
  /** Milliseconds from the connection to its end, which is the server's doing. */
  readonly held: Promise<number>;
  private readonly socket: Socket;
  private drip: NodeJS.Timeout | undefined;

  constructor(base: string, { says, drips }: Manner) {
    const { hostname, port } = new URL(base);
    this.socket = connect(Number(port), hostname);
    this.held = new Promise((resolve) => {
      let begun = performance.now();
      this.socket.once('connect', () => {
        begun = performance.now();
        this.socket.write(says);
        let place = 0;
        if (drips === undefined) return;
        this.drip = setInterval(() => {
          this.socket.write(drips.charAt(place++ % drips.length));
        }, 1000);
      });
      // What it is told is read and forgotten: an unread answer would keep the end from being seen.
      this.socket.resume();
      this.socket.on('error', () => undefined);
      this.socket.once('close', () => {
        clearInterval(this.drip);
        resolve(performance.now() - begun);
      });
    });
  }

  leave(): void {
    this.socket.destroy();
  }
}
