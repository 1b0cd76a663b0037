import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Log } from '../common/index.js';

/** Milliseconds over which refusals are added up. */
const SUM_MS = 10_000;
/** Sums kept at most; what is more goes into one of its own. */
const CAPACITY = 200;
/** What says that a caller was not let in, or not that far. */
const REFUSALS = new Set([401, 403, 429]);

interface Sum {
  readonly client: string | null;
  readonly status: number | null;
  readonly route: string | null;
  count: number;
}

/**
 * Says who was refused what, added up: a line for each refusal would let anybody fill the log, and
 * none would let somebody try keys, or a service's users, unseen.
 */
@Injectable()
export class RefusalLog implements OnApplicationShutdown {
  private sums = new Map<string, Sum>();

  constructor(private readonly log: Log) {}

  attach(instance: FastifyInstance): void {
    instance.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done) => {
      if (REFUSALS.has(reply.statusCode)) this.note(request, reply.statusCode);
      done();
    });
  }

  onApplicationShutdown(): void {
    this.flush();
  }

  @Interval('log-refusals', SUM_MS)
  flush(): void {
    const { sums } = this;
    this.sums = new Map();
    for (const { client, status, route, count } of sums.values()) {
      this.log.event('warn', 'access.refused', { client, status, route, count });
    }
  }

  private note(request: FastifyRequest, status: number): void {
    const client = request.caller?.name ?? null;
    const route = request.routeOptions.url ?? null;
    const key = `${client ?? ''} ${status} ${route ?? ''}`;
    const sum =
      this.sums.get(key) ??
      (this.sums.size < CAPACITY
        ? this.add(key, { client, status, route, count: 0 })
        : (this.sums.get('') ??
          this.add('', { client: null, status: null, route: null, count: 0 })));
    sum.count += 1;
  }

  private add(key: string, sum: Sum): Sum {
    this.sums.set(key, sum);
    return sum;
  }
}
