import { DecoratorHandler, request } from 'undici';
import type { Dispatcher } from 'undici';
import { untraced } from '../common/index.js';
import type { Trace } from '../common/index.js';
import type { ProxyConfig } from '../config/index.js';
import { OutboundDispatcher, parseRetryAfter } from '../outbound/index.js';
import { MAX_ANSWER_BYTES, decodeBody } from './answer.js';
import type { ProviderAnswer } from './answer.js';
import { ProviderError } from './provider-error.js';

interface RequestOptions {
  method?: string;
  headers?: Headers | Record<string, string>;
  body?: unknown;
  signal?: AbortSignal | null;
}

/** One call under way, known to the dispatcher as the request's `opaque`. */
interface Flight {
  /** Whether writing the request to a connection began. */
  sent: boolean;
}

/**
 * Milliseconds for which the answer to a code is listened for at most: a callback that has not ended
 * after two minutes is shown as failed.
 */
const LONGEST_EXCHANGE_MS = 110_000;

/** The connections that calls are made on. */
interface Line {
  readonly outbound: OutboundDispatcher;
  readonly dispatcher: Dispatcher;
}

/** Milliseconds: users who fail alone, one after the other, must not cost all the others theirs. */
const RENEWED_EVERY_MS = 500;

/**
 * Notes when a request begins to be written: until then nothing can have been spent. Interim
 * answers (RFC 9110 section 15.2: 102, 103, as CDNs send them) are passed over here, since undici's
 * decorator ends a call at the second head.
 */
const watchFlight: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  const { opaque: flight } = options as { opaque?: Flight };
  if (!flight) return dispatch(options, handler);

  const watched = new DecoratorHandler(handler) as Required<Dispatcher.DispatchHandler>;
  const start = watched.onRequestStart.bind(watched);
  watched.onRequestStart = (controller, context) => {
    flight.sent = true;
    start(controller, context);
  };
  const answer = watched.onResponseStart.bind(watched);
  watched.onResponseStart = (controller, status, headers, message) => {
    if (status >= 200) answer(controller, status, headers, message);
  };
  return dispatch(options, watched);
};

/**
 * HTTP to one provider: kept-alive connections through undici's `request` (a fraction of the cost
 * of `fetch`), one deadline for the whole call including the body, no redirects. What can be
 * decided by the status alone is decided here: 429 and 5xx never reach the protocol.
 */
export class ProviderHttp {
  private line: Line;
  private renewedMs = -Infinity;
  /** Lines that are given up, until their last calls have ended. */
  private readonly leaving = new Set<OutboundDispatcher>();

  /**
   * @param timeout milliseconds for one call
   * @param connections at most, to one origin
   * @param answerTimeout milliseconds for a call that spends something and is listened to longer
   */
  constructor(
    private readonly timeout: number,
    private readonly connections: number,
    private readonly proxies: ProxyConfig = { https: undefined, http: undefined, exempt: [] },
    private readonly answerTimeout = timeout,
    private readonly trace: Trace = untraced,
  ) {
    this.line = this.open(connections);
  }

  /** One call. @returns the answer as it came. @throws ProviderError for 429, 5xx and no answer */
  send(url: string, options: RequestOptions): Promise<ProviderAnswer> {
    return this.answered(url, options, this.timeout);
  }

  /**
   * One call whose answer can't be had again: it is listened for until `ANSWER_TIMEOUT`, or until
   * the connection ends. Otherwise as {@link send}.
   */
  sendAndListen(url: string, options: RequestOptions): Promise<ProviderAnswer> {
    return this.answered(url, options, this.answerTimeout);
  }

  /** As {@link sendAndListen}, for a code: its link may not be awaited for ever. */
  exchange(url: string, options: RequestOptions): Promise<ProviderAnswer> {
    return this.answered(url, options, Math.min(this.answerTimeout, LONGEST_EXCHANGE_MS));
  }

  private async answered(
    url: string,
    options: RequestOptions,
    deadline: number,
  ): Promise<ProviderAnswer> {
    // Neither the path nor the query: they may name a user. No `traceparent` goes to a third party.
    const attributes = {
      'server.address': new URL(url).hostname,
      'http.request.method': options.method ?? 'GET',
    };
    const { answer, headers } = await this.trace('provider call', attributes, async (span) => {
      try {
        const called = await this.call(url, options, deadline);
        span.set('http.response.status_code', called.answer.status);
        return called;
      } catch (error) {
        if (error instanceof ProviderError) span.set('error.type', error.reason);
        throw error;
      }
    });
    const { status } = answer;
    // Plain http: a proxy that wants to know us has not passed the request on.
    if (status === 407 && this.line.outbound.proxyFor(url)) {
      throw new ProviderError('unreachable', 'proxy_407');
    }
    if (status === 429) throw new ProviderError('rate_limited', 'http_429', retryAfter(headers));
    if (status >= 500) {
      throw new ProviderError('unavailable', `http_${String(status)}`, retryAfter(headers));
    }
    return answer;
  }

  /** A `fetch` whose answers are decoded. @throws ProviderError */
  readonly fetch = async (url: string, options: RequestOptions): Promise<Response> =>
    this.asResponse(await this.send(url, options));

  /** An answer with its encodings undone. */
  asResponse(answer: ProviderAnswer): Response {
    const { status, contentType } = answer;
    const empty = status === 204 || status === 205 || status === 304 || status < 200;
    const headers: Record<string, string> = contentType ? { 'content-type': contentType } : {};
    const body = empty ? null : new Uint8Array(decodeBody(answer));
    return new Response(body, { status: Math.max(status, 200), headers });
  }

  async close(): Promise<void> {
    await Promise.all([this.line.outbound, ...this.leaving].map((each) => each.destroy()));
  }

  private open(connections: number): Line {
    const outbound = new OutboundDispatcher(this.proxies, {
      connections,
      // Shorter than the whole: a connection that never came about is no reason for doubt.
      connectTimeout: Math.max(1000, this.timeout / 2),
      // The signal of each call ends it: how long it is listened to differs.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: MAX_ANSWER_BYTES,
    });
    return { outbound, dispatcher: outbound.compose(watchFlight) };
  }

  /**
   * Has the next call made on a connection of its own: what a connection leads to may be all that
   * is ill (a server behind a balancer that keeps connections to one and the same). Calls under way
   * end on theirs.
   */
  private renewConnections(used: Line): void {
    const now = performance.now();
    if (this.line !== used || now - this.renewedMs < RENEWED_EVERY_MS) return;
    this.renewedMs = now;
    this.line = this.open(this.connections);
    const { outbound } = used;
    this.leaving.add(outbound);
    void outbound.close().then(
      () => this.leaving.delete(outbound),
      () => this.leaving.delete(outbound),
    );
  }

  private async call(url: string, options: RequestOptions, deadline: number) {
    const flight: Flight = { sent: false };
    const { line } = this;
    try {
      const { statusCode, headers, body } = await request(url, {
        method: (options.method ?? 'GET') as 'GET' | 'POST',
        headers: Object.fromEntries(new Headers(options.headers ?? {})),
        body: options.body ? String(options.body as string | URLSearchParams) : null,
        signal: AbortSignal.timeout(deadline),
        dispatcher: line.dispatcher,
        opaque: flight,
      });
      const answer: ProviderAnswer = {
        status: statusCode,
        contentType: headerOf(headers, 'content-type'),
        contentEncoding: headerOf(headers, 'content-encoding'),
        body: Buffer.from(await body.bytes()),
      };
      if (statusCode >= 500) this.renewConnections(line);
      return { answer, headers };
    } catch (error) {
      this.renewConnections(line);
      const { code: given, name } = error as { code?: unknown; name: string };
      const code = typeof given === 'string' ? given : name;
      const reason = /^[A-Za-z0-9_]{1,60}$/.test(code) ? code.toLowerCase() : 'network_error';
      throw new ProviderError(flight.sent ? 'interrupted' : 'unreachable', reason);
    }
  }
}

type AnswerHeaders = Dispatcher.ResponseData['headers'];

function headerOf(headers: AnswerHeaders, name: string): string | null {
  const value = headers[name];
  return value === undefined ? null : String(value);
}

/** `Retry-After` in milliseconds. */
export const retryAfter = (headers: AnswerHeaders, now = Date.now()): number | undefined =>
  parseRetryAfter(headerOf(headers, 'retry-after') ?? undefined, now);
