import type { Problem, Rejection } from './api.js';
import { DeadlinePassed, waitFor, within } from './abort.js';
import { isClientTokenAnswer, isTokenAnswer, toClientToken, toToken } from './token.js';
import type { ClientToken, ClientTokenOptions, Token, TokenOptions } from './token.js';
import { VaultError } from './vault-error.js';

export type Fetch = typeof globalThis.fetch;
export type KeySource = string | (() => string | Promise<string>);

interface Call {
  readonly path: string;
  readonly body?: Rejection;
  readonly signal?: AbortSignal | undefined;
}

/** The vault's routes for tokens. */
export class VaultApi {
  readonly #base: string;
  readonly #key: KeySource;
  readonly #fetch: Fetch;
  readonly #timeoutMs: number;

  constructor(base: string, key: KeySource, fetch: Fetch, timeoutMs: number) {
    this.#base = base;
    this.#key = key;
    this.#fetch = fetch;
    this.#timeoutMs = timeoutMs;
  }

  /** GET /tokens/:user_id */
  async read(userId: string, options: TokenOptions): Promise<Token> {
    const { provider, connection, minTtl, scope, signal } = options;
    const query = new URLSearchParams();
    if (provider !== undefined) query.set('provider', provider);
    if (connection !== undefined) query.set('connection', connection);
    if (minTtl !== undefined) query.set('min_ttl', String(minTtl));
    const scopes = typeof scope === 'string' ? scope : scope?.join(' ');
    if (scopes) query.set('scope', scopes);
    const search = query.size > 0 ? `?${query.toString()}` : '';
    return tokenOf(await this.#call({ path: `/tokens/${segmentOf(userId)}${search}`, signal }));
  }

  /** GET /client-tokens/:provider */
  async readClientToken(provider: string, options: ClientTokenOptions): Promise<ClientToken> {
    const { scope, minTtl, signal } = options;
    const query = new URLSearchParams({
      scope: typeof scope === 'string' ? scope : scope.join(' '),
    });
    if (minTtl !== undefined) query.set('min_ttl', String(minTtl));
    const path = `/client-tokens/${segmentOf(provider)}?${query.toString()}`;
    const answer = await this.#call({ path, signal });
    const { status, content } = answer;
    return status === 200 && isClientTokenAnswer(content) ? toClientToken(content) : fail(answer);
  }

  /** POST /tokens/:user_id/rejections */
  async reject(userId: string, { version, provider, connection }: Token): Promise<Token> {
    const path = `/tokens/${segmentOf(userId)}/rejections`;
    return tokenOf(await this.#call({ path, body: { version, provider, connection } }));
  }

  /** One call, and a second one with a renewed key when the first key is not known any more. */
  async #call(call: Call): Promise<Answer> {
    const key = await waitFor(this.#currentKey(), call.signal);
    const first = await this.#exchange(call, key);
    if (first.status !== 401 || typeof this.#key === 'string') return first;
    const renewed = await waitFor(this.#currentKey(), call.signal);
    return renewed === key ? first : this.#exchange(call, renewed);
  }

  async #exchange({ path, body, signal }: Call, key: string): Promise<Answer> {
    const headers: Record<string, string> = {
      accept: 'application/json, application/problem+json',
      authorization: `Bearer ${key}`,
    };
    if (body) headers['content-type'] = 'application/json';
    try {
      return await within(this.#timeoutMs, signal, async (inTime) => {
        const answer = await this.#fetch(`${this.#base}${path}`, {
          method: body ? 'POST' : 'GET',
          headers,
          // The vault never redirects, and its key goes nowhere else.
          redirect: 'manual',
          signal: inTime,
          ...(body ? { body: JSON.stringify(body) } : {}),
        });
        const { status } = answer;
        const retryAfter = secondsOf(answer.headers.get('retry-after'));
        return { status, retryAfter, content: parse(await answer.text()) };
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw unreachable(error);
    }
  }

  async #currentKey(): Promise<string> {
    let key: unknown;
    try {
      key = typeof this.#key === 'string' ? this.#key : await this.#key();
    } catch (error) {
      throw new VaultError('key_unavailable', `The API key could not be had${hintOf(error)}.`);
    }
    // A key that is read from a file often ends in a line break.
    const trimmed = typeof key === 'string' ? key.trim() : '';
    if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
    throw new VaultError('key_unavailable', 'The API key is empty or no key at all.');
  }
}

interface Answer {
  readonly status: number;
  readonly retryAfter: number | null;
  /** Parsed JSON; undefined for anything else. */
  readonly content: unknown;
}

function tokenOf(answer: Answer): Token {
  const { status, content } = answer;
  return status === 200 && isTokenAnswer(content) ? toToken(content) : fail(answer);
}

/** @throws VaultError that says what the vault said, or that it was not the vault */
function fail({ status, retryAfter, content }: Answer): never {
  const problem: Partial<Problem> = typeof content === 'object' && content !== null ? content : {};
  if (status < 400 || !isCode(problem.code)) {
    throw new VaultError(
      'vault_unreachable',
      `What answered with status ${String(status)} is not the vault: check its URL and any proxy.`,
      { status: status === 0 ? null : status, retryAfter },
    );
  }
  const reason = isCode(problem.reason) ? problem.reason : null;
  throw new VaultError(
    problem.code,
    `The vault answered ${String(status)} ${problem.code}${reason === null ? '' : `, ${reason}`}.`,
    {
      status,
      reason,
      retryAfter,
      ...(Array.isArray(problem.missing_scopes) ? { missingScopes: problem.missing_scopes } : {}),
      ...(problem.errors ? { errors: problem.errors } : {}),
    },
  );
}

/** A user id or a provider's name as one segment of a path. @throws VaultError `invalid_request` for what can't be one */
function segmentOf(userId: unknown): string {
  // URL parsers take . and .. out of a path, and their percent-encoded forms as well.
  if (typeof userId === 'string' && !['', '.', '..'].includes(userId)) {
    try {
      return encodeURIComponent(userId);
    } catch {
      // Half of a surrogate pair has no encoding.
    }
  }
  throw new VaultError(
    'invalid_request',
    'This name can’t be part of a URL: it must be a string, well-formed, and not "", "." or "..".',
  );
}

function unreachable(error: unknown): VaultError {
  const why = error instanceof DeadlinePassed ? ' in time' : hintOf(error);
  return new VaultError('vault_unreachable', `The vault did not answer${why}.`);
}

/** The code of a system error, such as ECONNREFUSED, in brackets; nothing of any other error. */
function hintOf(error: unknown): string {
  for (let each = error; typeof each === 'object' && each !== null;) {
    const { code, cause } = each as { code?: unknown; cause?: unknown };
    if (typeof code === 'string' && /^[A-Z][A-Z_]{2,39}$/.test(code)) return ` (${code})`;
    each = cause;
  }
  return '';
}

const isCode = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z][a-z_]{0,63}$/.test(value);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Retry-After in seconds; the vault never gives a date. */
const secondsOf = (text: string | null): number | null =>
  text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
