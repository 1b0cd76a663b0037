import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { AuditLog } from '../audit/index.js';
import {
  DEFAULT_CONNECTION,
  DEFAULT_PROVIDER,
  callRefusal,
  mayTouchGrant,
} from '../common/index.js';
import { refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock } from '../database/index.js';
import { fresh, grantKeyText } from '../grants/index.js';
import type { GrantKey } from '../grants/index.js';
import { NO_SNIFFING } from '../http/index.js';
import { GrantCache } from './grant-cache.js';
import type { CacheEntry } from './grant-cache.js';
import { OpenedAnswer, REUSE_MS } from './opened-answer.js';
import { TokenOpener, secondsLeft } from './token-opener.js';

/** Queries whose meaning is remembered at most, and their length at most. */
const QUERIES = 500;
const LONGEST_QUERY = 500;

/** What the query of a request asks for, once it was validated. */
export interface ReadParameters {
  readonly provider: string;
  readonly connection: string;
  /** Seconds; the configuration's `MIN_TTL` when undefined. */
  readonly minTtl: number | undefined;
  readonly scopes: readonly string[];
}

const NO_QUERY: ReadParameters = {
  provider: DEFAULT_PROVIDER,
  connection: DEFAULT_CONNECTION,
  minTtl: undefined,
  scopes: [],
};

/**
 * Answers `GET /tokens/:user_id` from memory, in front of Nest's router: without waiting for
 * anything, as most requests allow. It only serves, and never refuses. Every other request goes on
 * to the controller, which decides and says why: a caller who may not read, a token that is not
 * good, a query that was not seen before. Authentication and ceilings are before it, the log and
 * the metrics after it, as for every route (decision 0024).
 */
@Injectable()
export class WarmReads {
  private readonly parsed = new LRUCache<string, ReadParameters>({ max: QUERIES });

  constructor(
    @Inject(refreshConfig.KEY) private readonly refresh: ConfigType<typeof refreshConfig>,
    private readonly cache: GrantCache,
    private readonly opener: TokenOpener,
    private readonly audit: AuditLog,
    private readonly clock: DatabaseClock,
  ) {}

  /** Puts itself in front of the route, still to be added, that declares `answersFromMemory`. */
  attach(instance: FastifyInstance): void {
    instance.addHook('onRoute', (route) => {
      const { config } = route;
      if (!config?.answersFromMemory) return;
      route.preValidation = (request, reply, done) => {
        if (!this.answer(request, reply, config)) done();
      };
    });
  }

  /** Remembers what a query means that was found valid: it means the same in every request. */
  remember({ raw }: FastifyRequest, parameters: ReadParameters): void {
    const query = queryOf(raw.url ?? '');
    if (query === undefined || query.length > LONGEST_QUERY) return;
    this.parsed.set(query, parameters);
  }

  /** @returns whether the request was answered */
  private answer(
    request: FastifyRequest,
    reply: FastifyReply,
    config: FastifyContextConfig,
  ): boolean {
    const { caller, raw } = request;
    const query = queryOf(raw.url ?? '');
    const parameters = this.parametersOf(query);
    if (!parameters || !caller || callRefusal(caller, config)) return false;
    const { user_id: userId } = request.params as { readonly user_id: string };
    const key = { provider: parameters.provider, userId, connection: parameters.connection };
    if (!mayTouchGrant(caller, key)) return false;
    // No id that is malformed is ever found: entries are made of rows.
    const entry = this.cache.peek(grantKeyText(key));
    if (!entry || !this.serves(entry, parameters)) return false;
    const answer = this.opened(entry);
    if (!answer) return false;
    this.cache.countHit();
    this.count(answer, caller.name, entry, request.id);
    reply.raw.writeHead(200, {
      ...NO_SNIFFING,
      'cache-control': 'no-store',
      'content-type': 'application/json; charset=utf-8',
      'content-length': answer.length,
    });
    // One write of header and body together, which a body of bytes would make two.
    reply.raw.end(answer.body, answer.encoding);
    return true;
  }

  private parametersOf(query: string | undefined): ReadParameters | undefined {
    if (query === '') return NO_QUERY;
    return query === undefined ? undefined : this.parsed.get(query);
  }

  private serves({ grant }: CacheEntry, { minTtl, scopes }: ReadParameters): boolean {
    return (
      grant.status === 'active' &&
      fresh(grant, minTtl ?? this.refresh.minTtlSeconds, this.clock.now()) &&
      scopes.every((scope) => grant.scopes.includes(scope))
    );
  }

  /** @returns undefined for what can't be opened: that is refused, and noted, by the controller */
  private opened(entry: CacheEntry): OpenedAnswer | undefined {
    const known = entry.answer;
    if (known && performance.now() - known.openedAt < REUSE_MS) {
      known.tell(secondsLeft(entry.grant, this.clock.now()));
      return known;
    }
    try {
      const answer = new OpenedAnswer(this.opener.open(entry.grant), performance.now());
      this.cache.keepAnswer(entry, answer);
      return answer;
    } catch {
      return undefined;
    }
  }

  private count(answer: OpenedAnswer, client: string, { grant }: CacheEntry, id: string): void {
    if (answer.client === client && answer.tally && this.audit.again(answer.tally)) return;
    const { provider, userId, connection, version } = grant;
    const key: GrantKey = { provider, userId, connection };
    const told = { type: 'token.read', client, ...key, version, outcome: 'served' } as const;
    answer.tally = this.audit.note(told, id);
    answer.client = client;
  }
}

/** The query of a URL, as it was sent; undefined for a URL with a fragment, which is not to be read here. */
function queryOf(url: string): string | undefined {
  if (url.includes('#')) return undefined;
  const mark = url.indexOf('?');
  return mark < 0 ? '' : url.slice(mark + 1);
}
