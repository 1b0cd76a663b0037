/** A cookie as a browser was told to keep it. */
export interface KeptCookie {
  readonly name: string;
  readonly value: string;
  /** Attribute names in lower case; '' for those without a value. */
  readonly attributes: Readonly<Record<string, string>>;
}

export function parseSetCookie(header: string): KeptCookie {
  const [pair = '', ...rest] = header.split(';').map((part) => part.trim());
  const [name = '', value = ''] = pair.split('=');
  const attributes = rest.map((part) => {
    const [key = '', text = ''] = part.split('=');
    return [key.toLowerCase(), text] as const;
  });
  return { name, value, attributes: Object.fromEntries(attributes) };
}

/**
 * A browser as far as a link needs one: keeps cookies and brings them along; follows nothing by
 * itself. Cookies know no ports (RFC 6265 section 8.5), so every replica on this host gets them.
 */
export class CookieBrowser {
  readonly cookies = new Map<string, string>();

  /** The `Cookie` header it sends. */
  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async open(url: string | URL): Promise<Response> {
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie: this.header } });
    for (const header of answer.headers.getSetCookie()) {
      const { name, value, attributes } = parseSetCookie(header);
      if (attributes['max-age'] === '0') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }

  /** Opens a URL that leads on. @returns where to @throws Error when it does not */
  async follow(url: string | URL): Promise<string> {
    const answer = await this.open(url);
    const location = answer.headers.get('location');
    await answer.body?.cancel();
    if (location === null) throw new Error(`no redirect: status ${answer.status}`);
    return location;
  }
}
