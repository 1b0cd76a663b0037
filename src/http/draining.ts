import type { Server } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Milliseconds between looks at what is still connected. */
const LOOK_MS = 25;
/** Milliseconds for a request that is on its way in to arrive, and for an answer to be taken. */
const ARRIVAL_MS = 1000;

/**
 * Closes a listener in bounded time. Node closes those connections that are idle at that moment. A
 * connection whose answer is being made would stay open after the answer, for as long as its
 * client's pool keeps it. One whose request never arrives, or whose answer nobody takes (a scraper
 * that stalls), would stay open for as long as its client wants.
 */
export class Draining {
  private readonly server: Server;
  /** Requests whose answers are being made. */
  private answering = 0;
  /** When the last one had been made. */
  private answeredAt = -Infinity;

  constructor(private readonly instance: FastifyInstance) {
    this.server = instance.server;
    this.server.on('request', (_request, response) => {
      this.answering += 1;
      let answered = false;
      const done = () => {
        if (answered) return;
        answered = true;
        this.answering -= 1;
        this.answeredAt = performance.now();
      };
      // Node's word for: all of it was handed over, whether or not the client takes it.
      response.once('prefinish', done);
      response.once('close', done);
    });
  }

  /** Answers what was asked and closes. @param patience milliseconds until the rest is cut off */
  async close(patience: number): Promise<void> {
    const begun = performance.now();
    const looking = setInterval(() => {
      const now = performance.now();
      const until =
        this.answering > 0 ? begun + patience : Math.max(begun, this.answeredAt) + ARRIVAL_MS;
      if (now < until) this.server.closeIdleConnections();
      else this.server.closeAllConnections();
    }, LOOK_MS);
    try {
      await this.instance.close();
    } finally {
      clearInterval(looking);
    }
  }
}
