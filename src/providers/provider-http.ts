import { Agent, request } from 'undici';
import { ProviderError } from './provider-error.js';

/** Bytes of an answer at most: a token answer has a few thousand. */
const MAX_ANSWER = 1_000_000;
/** Codes of failures that happen before a request is written to a connection. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

interface RequestOptions {
  method?: string;
  headers?: Headers | Record<string, string>;
  body?: unknown;
  signal?: AbortSignal | null;
}

/**
 * HTTP to one provider: kept-alive connections through undici's `request` (a fraction of the cost
 * of `fetch`), one deadline for the whole call including the body, no redirects. What can be
 * decided by the status alone is decided here: 429 and 5xx never reach the protocol library.
 */
export class ProviderHttp {
  private readonly agent: Agent;

  /**
   * @param timeout milliseconds for one call
   * @param connections at most, to one origin
   */
  constructor(
    private readonly timeout: number,
    connections: number,
  ) {
    this.agent = new Agent({
      connections,
      // Shorter than the whole: a connection that never came about is no reason for doubt.
      connectTimeout: Math.max(1000, timeout / 2),
      headersTimeout: timeout,
      bodyTimeout: timeout,
      maxResponseSize: MAX_ANSWER,
    });
  }

  /** A `fetch` for the OAuth library. @throws ProviderError */
  readonly fetch = async (url: string, options: RequestOptions): Promise<Response> => {
    const { status, headers, text } = await this.call(url, options);
    if (status === 429) throw new ProviderError('rate_limited', 'http_429', retryAfter(headers));
    if (status >= 500) {
      throw new ProviderError('unavailable', `http_${String(status)}`, retryAfter(headers));
    }
    const empty = status === 204 || status === 205 || status === 304 || status < 200;
    return new Response(empty ? null : text, { status: Math.max(status, 200), headers });
  };

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async call(url: string, options: RequestOptions) {
    try {
      const answer = await request(url, {
        method: (options.method ?? 'GET') as 'GET' | 'POST',
        headers: Object.fromEntries(new Headers(options.headers ?? {})),
        body: options.body ? String(options.body as string | URLSearchParams) : null,
        signal: AbortSignal.timeout(this.timeout),
        dispatcher: this.agent,
      });
      const headers = new Headers();
      for (const [name, value] of Object.entries(answer.headers)) {
        if (value !== undefined) headers.set(name, String(value));
      }
      return { status: answer.statusCode, headers, text: await answer.body.text() };
    } catch (error) {
      const { code: given, name } = error as { code?: unknown; name: string };
      const code = typeof given === 'string' ? given : name;
      const reason = /^[A-Za-z_]{1,40}$/.test(code) ? code.toLowerCase() : 'network_error';
      throw new ProviderError(NOT_SENT.has(code) ? 'unreachable' : 'interrupted', reason);
    }
  }
}

/** `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110 section 10.2.3). */
export function retryAfter(headers: Headers, now = Date.now()): number | undefined {
  const text = headers.get('retry-after')?.trim();
  if (!text) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // `Date.parse` would take "-5" and "1.5" for days long gone; every HTTP date begins with a day.
  const date = /^[A-Z][a-z]/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
