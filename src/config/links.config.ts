import { acceptIf } from './environment-reader.js';
import type { EnvironmentReader } from './environment-reader.js';
import { defineNamespace } from './namespace.js';
import { isAppUri, isOrigin } from './parsers.js';

/** How users link their accounts. */
export interface LinksConfig {
  /** Origins, and URIs of apps' own schemes. */
  readonly returnUrlAllowlist: readonly string[];
  /** Whether every link has to end in a browser that began it. */
  readonly sameBrowser: boolean;
  /** Whose pages browsers see; undefined: they don't say. Plain text, to be escaped. */
  readonly displayName: string | undefined;
  /** For so long a request can be answered. The database and browsers are told it in seconds. */
  readonly requestTtlSeconds: number;
}

export const linksConfig = defineNamespace('links', (reader): LinksConfig => ({
  returnUrlAllowlist: reader.list(
    'RETURN_URL_ALLOWLIST',
    'exact origins such as https://app.example.com, or exact URIs of private-use schemes, comma-separated',
    (item) => isOrigin(item) || isAppUri(item),
  ),
  sameBrowser: reader.oneOf('LINK_SAME_BROWSER', 'false', ['true', 'false']) === 'true',
  displayName: readDisplayName(reader),
  requestTtlSeconds: reader.integer('AUTHORIZATION_REQUEST_TTL', 600, 1, 86_400),
}));

function readDisplayName(reader: EnvironmentReader): string | undefined {
  const expected = '1 to 60 visible characters, with spaces between them';
  return reader.parse<string | undefined>('DISPLAY_NAME', expected, undefined, (text) =>
    // Neither control characters nor invisible ones, which could turn the text around them.
    acceptIf(text, /^[^\p{C}\p{Zl}\p{Zp}]{1,60}$/u.test(text)),
  );
}
