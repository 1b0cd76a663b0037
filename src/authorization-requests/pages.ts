import { createHash } from 'node:crypto';
import type { EndStatus } from './request.store.js';

const STYLE = `
:root{color-scheme:light dark;--ink:#16202e;--paper:#f4f6f9;--card:#fff;--line:#d8dee8}
@media (prefers-color-scheme:dark){:root{--ink:#eef2f8;--paper:#10161f;--card:#1a2330;--line:#33405380}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--paper);
color:var(--ink);font:1.0625rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:26rem;padding:2rem 1.5rem;background:var(--card);
border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 .75rem;font-size:1.4rem;line-height:1.25}
p{margin:.5rem 0 0}`;

/** Headers of every page: nothing but its own style may load, run, frame it or be told its URL. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
    `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** A whole page from fixed sentences; nothing from a request is ever put into one. */
export function page(title: string, sentences: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${sentences.map((sentence) => `<p>${sentence}</p>`).join('\n')}
</main>
</body>
</html>
`;
}

const CLOSE = 'You can close this window and return to the app.';
const AGAIN = 'Please return to the app and start again.';

/** The page at the end of a link. */
export function endPage(status: EndStatus): string {
  switch (status) {
    case 'completed':
      return page('Your account is linked', ['Everything went well.', CLOSE]);
    case 'awaiting_confirmation':
      return page('One more step', ['Please return to the app to confirm the link.']);
    case 'denied':
      return page('Your account was not linked', ['You chose not to share it.', CLOSE]);
    case 'failed':
      return page('Your account could not be linked', ['Nothing was shared.', AGAIN]);
  }
}

/** The page for an error, by status. */
export function errorPage(httpStatus: number): string {
  if (httpStatus === 404) return page('There is nothing here', [AGAIN]);
  if (httpStatus < 500) {
    return page('This link cannot be used', ['It may have expired or been used already.', AGAIN]);
  }
  return page('Please try again in a moment', ['The service is busy. Reload this page to go on.']);
}
