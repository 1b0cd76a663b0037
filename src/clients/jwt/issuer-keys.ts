import { performance } from 'node:perf_hooks';
import { createLocalJWKSet } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { describeError } from '../../common/index.js';
import type { Clock, Log } from '../../common/index.js';
import type { JwtConfig } from '../../config/index.js';
import { fetchJson } from './issuer-http.js';
import { findJwksUri } from './issuer-metadata.js';

/** Milliseconds after which the key set is fetched anew: half of the ten minutes that are promised. */
const RENEW_MS = 300_000;
/** Milliseconds between two tries while it can't be had. */
const RETRY_MS = 15_000;
/** Milliseconds between two fetches because of keys that are not in it. */
const UNKNOWN_KEY_MS = 30_000;

type KeySet = ReturnType<typeof createLocalJWKSet>;

/**
 * The keys of the issuer whose JWTs callers present. Fetched anew every few minutes, and, at most
 * once in half a minute, for a key that is not known; while the issuer is away the keys that are
 * known go on working. A set that jose keeps itself would stop working then.
 */
export class IssuerKeys {
  private keys: KeySet | undefined;
  private text = '';
  private jwksUri: string | undefined;
  private fetching: Promise<void> | undefined;
  private triedAt = -Infinity;
  private unknownAt = -Infinity;
  private failing = false;
  private readonly stopping = new AbortController();

  constructor(
    private readonly config: JwtConfig,
    private readonly isAllowed: (url: string) => boolean,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly onChange: () => void,
  ) {
    this.jwksUri = config.jwksUri;
  }

  /** Fetches the set now and from then on, until it is stopped. */
  async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.fetch();
      const wait = this.failing ? RETRY_MS : RENEW_MS * (0.9 + 0.1 * Math.random());
      await this.clock.sleep(wait, signal).catch(() => undefined);
    }
  }

  stop(): void {
    this.stopping.abort();
  }

  /** The keys as they are known; undefined while the issuer was never reached. */
  get current(): KeySet | undefined {
    return this.keys;
  }

  /** The keys, asking for them if there are none yet. @returns undefined when they can't be had */
  async first(): Promise<KeySet | undefined> {
    if (this.keys) return this.keys;
    // Those who come while it is being asked wait for the answer; no more than once in a while anew.
    if (this.fetching || performance.now() - this.triedAt > 1000) await this.fetch();
    return this.keys;
  }

  /** The keys after another look because one was not in them; at most one look in 30 s. */
  async again(): Promise<KeySet | undefined> {
    if (performance.now() - this.unknownAt > UNKNOWN_KEY_MS) {
      this.unknownAt = performance.now();
      await this.fetch();
    } else if (this.fetching) {
      await this.fetching;
    }
    return this.keys;
  }

  /** One fetch at a time; those who want one meanwhile share it. Never fails. */
  private fetch(): Promise<void> {
    this.fetching ??= this.load().finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async load(): Promise<void> {
    this.triedAt = performance.now();
    try {
      // Kept until it fails: an issuer that moves its keys says so in its metadata.
      this.jwksUri ??= await findJwksUri(this.config.issuer, this.isAllowed);
      const document = await fetchJson(this.jwksUri);
      const text = JSON.stringify(document);
      if (text !== this.text) {
        this.keys = createLocalJWKSet(document as unknown as JSONWebKeySet);
        this.text = text;
        this.onChange();
      }
      if (this.failing) this.log.event('info', 'caller_issuer.reached');
      this.failing = false;
    } catch (error) {
      this.jwksUri = this.config.jwksUri;
      if (!this.failing) {
        const reason = describeError(error).message;
        this.log.event('warn', 'caller_issuer.unreachable', { reason, known_keys: !!this.keys });
      }
      this.failing = true;
    }
  }
}
