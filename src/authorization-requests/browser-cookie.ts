import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { VAULT_CONFIG } from '../config/index.js';
import type { VaultConfig } from '../config/index.js';

/** Seconds from the start page to the callback: time to consent, and not for much else. */
const MAX_AGE = 600;
/** Cookies looked at in one callback: a browser with more open requests is not a person. */
const MOST = 20;
const NAME = /^stitch-link-[0-9a-f-]{36}$/;
/** Set over https only, for this host only: a sibling domain can't plant one (RFC 6265bis). */
const HOST_PREFIX = '__Host-';
const SECRET = /^[A-Za-z0-9_-]{43}$/;

const hash = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/**
 * The cookie that ties a request to the browser that started it, one per request so that two tabs
 * do not disturb each other. `__Host-` keeps it from being set by a sibling domain (RFC 6265bis
 * section 4.1.3.2); it needs `Secure` and so https. `Lax`: it must come along when the provider
 * sends the browser back, and with nothing else from another site.
 */
@Injectable()
export class BrowserCookie {
  private readonly secure: boolean;

  constructor(@Inject(VAULT_CONFIG) config: VaultConfig) {
    this.secure = config.public.url.startsWith('https:');
  }

  /** What is kept of a secret. */
  hash(secret: string): Buffer {
    return hash(secret);
  }

  /** The hashes of the secrets in a `Cookie` header that can be ours. */
  hashes(header: string | undefined): Buffer[] {
    return (header ?? '')
      .split(';')
      .map((pair) => pair.trim().split('='))
      .filter(([name = '', secret = '']) => this.isOurs(name) && SECRET.test(secret))
      .slice(0, MOST)
      .map(([, secret = '']) => hash(secret));
  }

  /** A `Set-Cookie` value. */
  set(requestId: string, secret: string): string {
    return this.serialise(requestId, secret, MAX_AGE);
  }

  /** A `Set-Cookie` value that removes it. */
  clear(requestId: string): string {
    return this.serialise(requestId, '', 0);
  }

  private isOurs(name: string): boolean {
    if (!this.secure) return NAME.test(name);
    return name.startsWith(HOST_PREFIX) && NAME.test(name.slice(HOST_PREFIX.length));
  }

  private serialise(requestId: string, value: string, maxAge: number): string {
    const name = `${this.secure ? HOST_PREFIX : ''}stitch-link-${requestId}`;
    const secure = this.secure ? '; Secure' : '';
    return `${name}=${value}; Path=/; Max-Age=${String(maxAge)}; HttpOnly; SameSite=Lax${secure}`;
  }
}
