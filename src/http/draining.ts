import type { Server } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Milliseconds between looks at what is still connected. */
const LOOK = 25;
/** Milliseconds for a request that is on its way in to arrive. */
const ARRIVAL = 1000;

/**
 * Closes a listener in bounded time. Node closes those connections that are idle at that moment;
 * one whose answer is being made would stay open after it for as long as its client's pool likes,
 * and one whose request never arrives for as long as its sender likes.
 */
export class Draining {
  private readonly server: Server;
  private answering = 0;

  constructor(private readonly instance: FastifyInstance) {
    this.server = instance.server;
    this.server.on('request', (_request, response) => {
      this.answering += 1;
      response.once('close', () => {
        this.answering -= 1;
      });
    });
  }

  /** Answers what was asked and closes. @param patience milliseconds until the rest is cut off */
  async close(patience: number): Promise<void> {
    const begun = performance.now();
    const looking = setInterval(() => {
      const waited = performance.now() - begun;
      const needed = this.answering > 0 ? patience : ARRIVAL;
      if (waited < needed) this.server.closeIdleConnections();
      else this.server.closeAllConnections();
    }, LOOK);
    try {
      await this.instance.close();
    } finally {
      clearInterval(looking);
    }
  }
}
