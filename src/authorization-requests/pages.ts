import { createHash } from 'node:crypto';
import type { CallbackStatus } from './request-status.js';

const STYLE = `
:root{color-scheme:light dark;--ink:#16202e;--soft:#4b586b;--paper:#f2f5f9;--card:#fff;--line:#d8dee8;
--good:#0b7a4b;--next:#1d5fc4;--calm:#566377;--bad:#b3372b}
@media (prefers-color-scheme:dark){:root{--ink:#eef2f8;--soft:#b3bfd0;--paper:#10161f;--card:#1a2330;
--line:#334053;--good:#0f8a57;--next:#2f72d9;--calm:#5d6b80;--bad:#c5473a}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;padding:clamp(1rem,9vh,6rem) 1rem 2rem;background:var(--paper);
color:var(--ink);font:1.0625rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main,footer{max-width:26rem;margin:0 auto}
header{padding:0 1.5rem 1rem;font-weight:600;overflow-wrap:anywhere}
main{padding:2rem 1.5rem;background:var(--card);border:1px solid var(--line);border-radius:1rem}
svg{display:block;width:3.5rem;height:3.5rem;margin:0 0 1.25rem;padding:.875rem;border-radius:50%;
fill:none;stroke:#fff;stroke-width:2.5;stroke-linecap:round;stroke-linejoin:round}
.good svg{background:var(--good)}
.next svg{background:var(--next)}
.calm svg{background:var(--calm)}
.bad svg{background:var(--bad)}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25;text-wrap:balance}
p{margin:.75rem 0 0}
footer{padding:1rem 1.5rem;color:var(--soft);font-size:.9375rem}`;

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

/** How a page feels, and the strokes of its sign: a tick, an arrow, a line, an exclamation mark. */
const SIGNS = {
  good: 'M4 13l5 5L20 6',
  next: 'M4 12h15M13 6l6 6-6 6',
  calm: 'M5 12h14',
  bad: 'M12 4v10M12 19v.01',
} as const;

/** What a page says: fixed sentences; nothing from a request is ever put into one. */
interface Content {
  readonly tone: keyof typeof SIGNS;
  readonly title: string;
  readonly sentences: readonly string[];
}

const content = (tone: Content['tone'], title: string, sentences: readonly string[]): Content => ({
  tone,
  title,
  sentences,
});

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string) => text.replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? '');

/** @param owner whose page it is, as text */
function render({ tone, title, sentences }: Content, owner: string | undefined): string {
  const name = owner === undefined ? undefined : escaped(owner);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${name === undefined ? title : `${title} – ${name}`}</title>
<style>${STYLE}</style>
</head>
<body>${name === undefined ? '' : `\n<header>${name}</header>`}
<main class="${tone}">
<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${SIGNS[tone]}"/></svg>
<h1>${title}</h1>
${sentences.map((sentence) => `<p>${sentence}</p>`).join('\n')}
</main>
<footer>This page never asks for a password, a card number or a PIN.</footer>
</body>
</html>
`;
}

const CLOSE = 'You can close this window and return to the app.';
const AGAIN = 'Please return to the app and start again.';

function endContent(status: CallbackStatus): Content {
  switch (status) {
    case 'completed':
      return content('good', 'Your account is linked', [
        'The app has the access that you agreed to. It has not seen your password.',
        CLOSE,
      ]);
    case 'awaiting_confirmation':
      return content('next', 'One more step', [
        'Please return to the app to confirm the link. Until then, nobody can use it.',
      ]);
    case 'pending':
      return content('next', 'Almost there', [
        'Your consent has arrived. Finishing the link takes a little longer than usual.',
        'You have nothing more to do. You can close this window and return to the app.',
      ]);
    case 'denied':
      return content('calm', 'Your account was not linked', [
        'You chose not to share it, and nothing was shared.',
        CLOSE,
      ]);
    case 'failed':
      return content('bad', 'Your account could not be linked', [
        'Something went wrong on the way. The app has no access to your account.',
        AGAIN,
      ]);
  }
}

function errorContent(httpStatus: number): Content {
  if (httpStatus === 404) return content('calm', 'There is nothing here', [AGAIN]);
  if (httpStatus < 500 && httpStatus !== 429) {
    return content('calm', 'This link cannot be used', [
      'It may have been used already, have expired, or belong to another browser.',
      // Whoever opens the last page of a link that went well in another browser comes here.
      'If you saw that your account is linked, you are done. If not, please return to the app and start again.',
    ]);
  }
  return content('bad', 'Please try again in a moment', [
    'The service is busy. Nothing is lost: reload this page to go on.',
  ]);
}

/** The pages of the public listener. */
export class Pages {
  /** @param owner whose pages they are, `DISPLAY_NAME`; undefined: they don't say */
  constructor(private readonly owner: string | undefined) {}

  /** The page at the end of a link. */
  end(status: CallbackStatus): string {
    return render(endContent(status), this.owner);
  }

  /** The page for an error, by status. */
  error(httpStatus: number): string {
    return render(errorContent(httpStatus), this.owner);
  }
}
