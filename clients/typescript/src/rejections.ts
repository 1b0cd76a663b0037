import { waitFor } from './abort.js';
import type { Token, TokenOptions } from './token.js';
import type { VaultApi } from './vault-api.js';

/** How many reported tokens are remembered, the newest ones. A few bytes each. */
const REMEMBERED = 1000;

/** Reports each refused token once, however many calls met the refusal. */
export class Rejections {
  readonly #api: VaultApi;
  /** Reports on their way, by grant and version. */
  readonly #reporting = new Map<string, Promise<Token>>();
  readonly #reported = new Set<string>();

  constructor(api: VaultApi) {
    this.#api = api;
  }

  /**
   * The token to go on with after the API answered 401 to this one.
   *
   * @throws VaultError as a read does
   */
  async replace(userId: string, refused: Token, options: TokenOptions): Promise<Token> {
    const { provider, connection, version } = refused;
    const id = JSON.stringify([userId, provider, connection, version]);
    if (this.#reported.has(id)) {
      const current = await this.#api.read(userId, options);
      // The same version again: a grant that was deleted and linked anew counts from 1.
      if (current.version !== version) return current;
      this.#reported.delete(id);
    }
    let report = this.#reporting.get(id);
    if (!report) {
      report = this.#report(id, userId, refused);
      this.#reporting.set(id, report);
    }
    return waitFor(report, options.signal);
  }

  /** No signal: the report serves every call that met the refusal. */
  async #report(id: string, userId: string, refused: Token): Promise<Token> {
    try {
      const token = await this.#api.reject(userId, refused);
      this.#remember(id);
      return token;
    } finally {
      this.#reporting.delete(id);
    }
  }

  #remember(id: string): void {
    this.#reported.add(id);
    for (const oldest of this.#reported) {
      if (this.#reported.size <= REMEMBERED) break;
      this.#reported.delete(oldest);
    }
  }
}
