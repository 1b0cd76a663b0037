import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { linksConfig, listenersConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';

/** Cookies of a kind looked at in one visit: a browser with more open requests is not a person. */
const MOST = 20;
const NAME = /^stitch-(link|end)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
/** Set over https only, for this host only: a sibling domain can't plant one (RFC 6265bis). */
const HOST_PREFIX = '__Host-';
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** `link`: of a browser that began a request; `end`: of one that has seen how it ended. */
export type CookieKind = 'link' | 'end';

/** A cookie of ours, as a browser brings it. */
export interface BroughtCookie {
  readonly requestId: string;
  readonly secret: string;
  readonly hash: Buffer;
}

/** What is kept of a cookie's secret. */
export const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/**
 * The cookies that tie a request to its browsers: those that began it, and those that finished it
 * and may come back. There is one for each request, so that two tabs do not disturb each other.
 * `__Host-` keeps them from being set by a sibling domain (RFC 6265bis section 4.1.3.2); it needs
 * `Secure`, and so https, and `Path=/`, whatever the path of `PUBLIC_URL`. `Lax`: they must come
 * along when the provider sends the browser back, and with nothing else from another site.
 */
@Injectable()
export class BrowserCookie {
  private readonly secure: boolean;
  /** As long as the request itself: whoever comes back before it expires is known. */
  private readonly maxAgeSeconds: number;

  constructor(
    @Inject(listenersConfig.KEY) listeners: ConfigType<typeof listenersConfig>,
    @Inject(linksConfig.KEY) links: ConfigType<typeof linksConfig>,
  ) {
    this.secure = listeners.public.url.startsWith('https:');
    this.maxAgeSeconds = links.requestTtlSeconds;
  }

  /** Those in a `Cookie` header that can be ours. */
  brought(kind: CookieKind, header: string | undefined): BroughtCookie[] {
    return (header ?? '')
      .split(';')
      .flatMap((pair): BroughtCookie[] => {
        const [name = '', secret = ''] = pair.trim().split('=');
        const [, itsKind, requestId = ''] = NAME.exec(this.bareName(name)) ?? [];
        if (itsKind !== kind || !SECRET.test(secret)) return [];
        return [{ requestId, secret, hash: hashOf(secret) }];
      })
      .slice(0, MOST);
  }

  /** A `Set-Cookie` value. */
  set(kind: CookieKind, requestId: string, secret: string): string {
    return this.serialise(kind, requestId, secret, this.maxAgeSeconds);
  }

  /** A `Set-Cookie` value that removes it. */
  clear(kind: CookieKind, requestId: string): string {
    return this.serialise(kind, requestId, '', 0);
  }

  /** The name without the prefix that it must have; empty when it lacks it. */
  private bareName(name: string): string {
    if (!this.secure) return name;
    return name.startsWith(HOST_PREFIX) ? name.slice(HOST_PREFIX.length) : '';
  }

  private serialise(kind: CookieKind, requestId: string, value: string, maxAge: number): string {
    const name = `${this.secure ? HOST_PREFIX : ''}stitch-${kind}-${requestId}`;
    const secure = this.secure ? '; Secure' : '';
    return `${name}=${value}; Path=/; Max-Age=${String(maxAge)}; HttpOnly; SameSite=Lax${secure}`;
  }
}
