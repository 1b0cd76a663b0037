import { bodyNotReplayable, outgoing } from './outgoing.js';
import { Rejections } from './rejections.js';
import type { ClientToken, ClientTokenOptions, Token, TokenOptions } from './token.js';
import { VaultApi } from './vault-api.js';
import type { Fetch, KeySource } from './vault-api.js';

const DEFAULT_TIMEOUT_MS = 30_000;

export interface VaultClientOptions {
  /** The vault's internal API; it may have a path. */
  readonly url: string | URL;
  /**
   * The API key or JWT, or a function that gives it. The function is asked for every call of the
   * vault, so that it may be renewed at any time.
   */
  readonly key: KeySource;
  /** Used for the vault and for APIs. Default: the global `fetch`. */
  readonly fetch?: Fetch;
  /**
   * Milliseconds to wait for one answer of the vault, default 30000. A read that has to refresh
   * waits for the provider, so it should be more than the vault's `PROVIDER_TIMEOUT` and 2 seconds.
   */
  readonly timeoutMs?: number;
}

/** Asks a vault for users' tokens. One for each vault is enough; it keeps no token. */
export class VaultClient {
  readonly #fetch: Fetch;
  readonly #api: VaultApi;
  readonly #rejections: Rejections;

  /** @throws TypeError when an option can't be meant, without repeating it */
  constructor({ url, key, fetch, timeoutMs = DEFAULT_TIMEOUT_MS }: VaultClientOptions) {
    if (typeof key !== 'function' && !/^\s*[\x21-\x7e]+\s*$/.test(key)) {
      throw new TypeError('key must be a string of visible characters, or a function');
    }
    if (!(timeoutMs > 0 && timeoutMs <= 2_147_483_647)) {
      throw new TypeError('timeoutMs must be a number of milliseconds');
    }
    // Looked up at each call, so that what instruments the global one is used.
    this.#fetch = (input, init) => (fetch ?? globalThis.fetch)(input, init);
    this.#api = new VaultApi(baseOf(url), key, this.#fetch, timeoutMs);
    this.#rejections = new Rejections(this.#api);
  }

  /**
   * A bearer token that is valid now. Ask each time: the vault answers from memory.
   *
   * @throws VaultError when there is none, with a `code` that says why
   */
  token(userId: string, options: TokenOptions = {}): Promise<Token> {
    return this.#api.read(userId, options);
  }

  /**
   * A bearer token of the client itself (RFC 6749 section 4.4), for what is done for no user. The key
   * needs the scope `client-tokens:read`.
   *
   * @throws VaultError when there is none, with a `code` that says why
   */
  clientToken(provider: string, options: ClientTokenOptions): Promise<ClientToken> {
    return this.#api.readClientToken(provider, options);
  }

  /**
   * As the global `fetch`, with the user's bearer token in place of any `Authorization` header.
   *
   * A 401 of the API is reported to the vault, once for each token however many calls meet it, and
   * the request is sent once more with the token that replaced it. The second answer is returned
   * whatever it is.
   *
   * A body that is a stream can be sent once only: when its request is answered 401 the token is
   * replaced and the error `body_not_replayable` thrown. A `Request` with a body is kept in memory
   * until it is answered.
   *
   * @throws VaultError when there is no token; whatever `fetch` throws when the API can't be reached
   */
  async fetch(
    userId: string,
    url: string | URL | Request,
    init: RequestInit = {},
    options: TokenOptions = {},
  ): Promise<Response> {
    const call = outgoing(this.#fetch, url, init, options.signal);
    const reading = call.signal ? { ...options, signal: call.signal } : options;
    try {
      const token = await this.#api.read(userId, reading);
      const answer = await call.send(token.accessToken, !call.replayable);
      if (answer.status !== 401 || cameFromElsewhere(answer, url)) return answer;
      // Read by nobody, it would hold the connection.
      await answer.body?.cancel();
      const replacement = await this.#rejections.replace(userId, token, reading);
      if (!call.replayable) throw bodyNotReplayable(answer.status);
      return await call.send(replacement.accessToken, true);
    } finally {
      call.release();
    }
  }
}

/**
 * Whether a redirect led to another origin. `fetch` does not send the bearer there (Fetch Standard,
 * HTTP-redirect fetch), so its 401 says nothing about the token.
 */
function cameFromElsewhere(answer: Response, url: string | URL | Request): boolean {
  if (!answer.redirected) return false;
  const asked = typeof url === 'object' && 'url' in url ? url.url : String(url);
  return new URL(answer.url).origin !== new URL(asked).origin;
}

/** The URL without its last slashes. @throws TypeError */
function baseOf(url: string | URL): string {
  let parsed: URL | undefined;
  try {
    parsed = new URL(url);
  } catch {
    // Its message would repeat the URL.
  }
  if (
    !parsed ||
    !['http:', 'https:'].includes(parsed.protocol) ||
    `${parsed.username}${parsed.password}${parsed.search}${parsed.hash}` !== ''
  ) {
    throw new TypeError('url must be an http or https URL without credentials, query or fragment');
  }
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`;
}
