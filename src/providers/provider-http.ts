import { Turnstile, untraced } from '../common/index.js';
import type { Trace } from '../common/index.js';
import type { ProxyConfig } from '../config/index.js';
import { OutboundDispatcher, parseRetryAfter } from '../outbound/index.js';
import { MAX_ANSWER_BYTES, decodeBody } from './answer.js';
import type { ProviderAnswer } from './answer.js';
import { hasAllTokens, tokensThatArrived } from './cut-answer.js';
import { ProviderCall } from './provider-call.js';
import type { AnswerHeaders, WholeAnswer } from './provider-call.js';
import { ProviderError } from './provider-error.js';

interface RequestOptions {
  method?: string;
  headers?: Headers | Record<string, string>;
  body?: unknown;
  signal?: AbortSignal | null;
}

/**
 * Milliseconds for which the answer to a code is listened for at most: a callback that has not ended
 * after two minutes is shown as failed.
 */
const LONGEST_EXCHANGE_MS = 110_000;

/** Where a call goes. */
interface Target {
  readonly url: string;
  readonly origin: string;
  readonly hostname: string;
  /** With the query. */
  readonly path: string;
}

/** Milliseconds: users who fail alone, one after the other, must not cost all the others theirs. */
const RENEWED_EVERY_MS = 500;

/**
 * Answers that are gone on with in one turn of the event loop. There is one loop for all providers. What follows for
 * each answer (to seal it and write it down) takes a quarter of a millisecond: where dozens come at once, warm reads
 * would wait until it is done for all of them.
 */
const answers = new Turnstile(4);

/**
 * HTTP to one provider: kept-alive connections through undici's dispatcher (a fraction of the
 * cost of `fetch`), one deadline for the whole call including the body, no redirects. What can be
 * decided by the status alone is decided here: 429 and 5xx never reach the protocol.
 */
export class ProviderHttp {
  private line: OutboundDispatcher;
  private target: Target | undefined;
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

  /** As {@link sendAndListen}, for a code or a new account: neither is awaited for ever. */
  exchange(url: string, options: RequestOptions): Promise<ProviderAnswer> {
    return this.answered(url, options, Math.min(this.answerTimeout, LONGEST_EXCHANGE_MS));
  }

  private async answered(
    url: string,
    options: RequestOptions,
    deadline: number,
  ): Promise<ProviderAnswer> {
    const target = this.targetOf(url);
    // Neither the path nor the query: they may name a user. No `traceparent` goes to a third party.
    const attributes = {
      'server.address': target.hostname,
      'http.request.method': options.method ?? 'GET',
    };
    const { answer, headers } = await this.trace('provider call', attributes, async (span) => {
      try {
        const called = await this.call(target, options, deadline);
        span.set('http.response.status_code', called.answer.status);
        return called;
      } catch (error) {
        if (error instanceof ProviderError) span.set('error.type', error.reason);
        throw error;
      }
    });
    const { status } = answer;
    // Plain http: a proxy that wants to know us has not passed the request on.
    if (status === 407 && this.line.proxyFor(url)) {
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
    await Promise.all([this.line, ...this.leaving].map((each) => each.destroy()));
  }

  private open(connections: number): OutboundDispatcher {
    return new OutboundDispatcher(this.proxies, {
      connections,
      // Shorter than the whole: a connection that never came about is no reason for doubt.
      connectTimeout: Math.max(1000, this.timeout / 2),
      // The deadline of each call ends it: how long it is listened to differs.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: MAX_ANSWER_BYTES,
    });
  }

  /** Nearly all calls to a provider have the same one. */
  private targetOf(url: string): Target {
    if (this.target?.url !== url) {
      const { origin, hostname, pathname, search } = new URL(url);
      this.target = { url, origin, hostname, path: pathname + search };
    }
    return this.target;
  }

  /**
   * Has the next call made on a connection of its own: what a connection leads to may be all that
   * is ill (a server behind a balancer that keeps connections to one and the same). Calls under way
   * end on theirs.
   */
  private renewConnections(used: OutboundDispatcher): void {
    const now = performance.now();
    if (this.line !== used || now - this.renewedMs < RENEWED_EVERY_MS) return;
    this.renewedMs = now;
    this.line = this.open(this.connections);
    this.leaving.add(used);
    void used.close().then(
      () => this.leaving.delete(used),
      () => this.leaving.delete(used),
    );
  }

  private async call(target: Target, options: RequestOptions, deadline: number) {
    const { line } = this;
    const call = new ProviderCall(deadline, (arrived) => hasAllTokens(toProviderAnswer(arrived)));
    const { origin, path } = target;
    const { method = 'GET', headers: given = {} } = options;
    const headers = given instanceof Headers ? Object.fromEntries(given) : given;
    // Forms are text: nothing else is ever sent.
    const form = options.body as string | URLSearchParams | null | undefined;
    const body = form ? form.toString() : null;
    try {
      line.dispatch({ origin, path, method, headers, body }, call);
      const whole = await call.answer;
      await answers.pass();
      if (whole.status >= 500) this.renewConnections(line);
      return { answer: toProviderAnswer(whole), headers: whole.headers };
    } catch (error) {
      this.renewConnections(line);
      // Its end is missing, and what was spent for is there: it can't be had again.
      const cut = call.arrived;
      const answer = cut && tokensThatArrived(toProviderAnswer(cut));
      if (answer) return { answer, headers: cut.headers };
      const { code: said, name } = error as { code?: unknown; name: string };
      const code = typeof said === 'string' ? said : name;
      const reason = /^[A-Za-z0-9_]{1,60}$/.test(code) ? code.toLowerCase() : 'network_error';
      throw new ProviderError(call.sent ? 'interrupted' : 'unreachable', reason);
    }
  }
}

function toProviderAnswer({ status, headers, body }: WholeAnswer): ProviderAnswer {
  const contentType = headerOf(headers, 'content-type');
  return { status, contentType, contentEncoding: headerOf(headers, 'content-encoding'), body };
}

function headerOf(headers: AnswerHeaders, name: string): string | null {
  const value = headers[name];
  return value === undefined ? null : String(value);
}

/** `Retry-After` in milliseconds. */
export const retryAfter = (headers: AnswerHeaders, now = Date.now()): number | undefined =>
  parseRetryAfter(headerOf(headers, 'retry-after') ?? undefined, now);
