import type { Socket } from 'node:net';
import { bearerOf, hashBearer } from './api-key.js';

/** What an `Authorization` header holds. */
export interface ShownBearer {
  readonly header: string;
  /** Undefined for a header of another kind. */
  readonly bearer: string | undefined;
  /** See `hashBearer`; empty without a bearer. */
  readonly hash: string;
}

/**
 * Remembers what each connection showed last, so that a caller who shows the same again is not read
 * and hashed anew at every request. Whether it is still good is asked every time, by its hash. It is
 * forgotten with the connection, and compared as a whole: a proxy may send many callers over one.
 */
export class ShownBefore {
  private readonly last = new WeakMap<Socket, ShownBearer>();

  on(socket: Socket, header: string): ShownBearer {
    const known = this.last.get(socket);
    if (known?.header === header) return known;
    const bearer = bearerOf(header);
    const shown = { header, bearer, hash: bearer === undefined ? '' : hashBearer(bearer) };
    this.last.set(socket, shown);
    return shown;
  }
}
