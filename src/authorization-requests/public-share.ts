import { Inject, Injectable } from '@nestjs/common';
import { databaseConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';

/** What the public listener may have of the connections to the database: one of four. */
const SHARE = 0.25;

/**
 * Bounds the statements by which callbacks look for their request. Anybody can send callbacks of no
 * request, from any number of addresses; they wait for each other, and not the readers for them.
 * How many wait is bounded by the connections that the listener takes.
 */
@Injectable()
export class PublicShare {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(
    @Inject(databaseConfig.KEY) config: Pick<ConfigType<typeof databaseConfig>, 'poolSize'>,
  ) {
    this.free = Math.max(1, Math.floor(config.poolSize * SHARE));
  }

  /** Runs a statement as soon as there is a place for it, in the order of the calls. */
  async run<T>(statement: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((enter) => this.waiting.push(enter));
    try {
      return await statement();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}
