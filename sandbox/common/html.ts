import type { FastifyReply } from 'fastify';

/** HTML that is safe to insert as it is; everything else is escaped by `html`. */
export class Markup {
  constructor(readonly text: string) {}
}

type Part = Markup | readonly Markup[] | string | number;

/** A template whose values are escaped unless they are `Markup` themselves. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.reduce((text, next, i) => text + show(parts[i - 1] ?? '') + next));
}

function show(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map((one) => one.text).join('');
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root { color-scheme: light dark; --accent: #2f5fd0; --line: #8886; --soft: #8881; }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem 1rem 4rem; font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 0 auto; }
.note { margin: 0 auto 1.5rem; max-width: 34rem; padding: .5rem .75rem; border-radius: .5rem;
  background: var(--soft); border: 1px solid var(--line); font-size: .875rem; }
h1 { font-size: 1.5rem; line-height: 1.25; text-wrap: balance; }
fieldset { margin: 1.25rem 0; padding: .75rem 1rem; border: 1px solid var(--line);
  border-radius: .5rem; }
legend { font-weight: 600; padding: 0 .25rem; }
label { display: block; padding: .375rem 0; }
label small { display: block; opacity: .75; }
label.check { display: grid; grid-template-columns: auto 1fr; gap: 0 .625rem; align-items: start; }
label.check small { grid-column: 2; }
input[type=checkbox] { width: 1.125rem; height: 1.125rem; margin: .2rem 0 0; }
input[type=text], input[type=email], select { display: block; width: 100%; margin-top: .25rem;
  padding: .5rem; font: inherit; border: 1px solid var(--line); border-radius: .375rem; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem; }
button { min-height: 2.75rem; padding: .5rem 1.25rem; font: inherit; font-weight: 600;
  border: 1px solid var(--accent); border-radius: .5rem; cursor: pointer; background: transparent;
  color: inherit; }
button.primary { background: var(--accent); color: #fff; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
code { font-size: .9em; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; } td, th { padding: .5rem; text-align: left;
  border-bottom: 1px solid var(--line); }`;

/** A whole page in the sandbox's one style; no script, nothing loaded from elsewhere. */
export function page(title: string, body: Markup): Markup {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <p class="note" role="note">Sandbox: a local stand-in. No bank and no account is real.</p>
        <main>${body}</main>
      </body>
    </html>`;
}

/**
 * Sends a page that may not be framed, cached or scripted. `form-action` is left open: Chrome
 * applies it to the redirect after a form as well, and that leads to the caller's own address.
 */
export function sendPage(reply: FastifyReply, status: number, markup: Markup): FastifyReply {
  return reply
    .code(status)
    .headers({
      'cache-control': 'no-store',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    .type('text/html; charset=utf-8')
    .send(markup.text);
}

/** What a browser sees when a request to a consent page breaks a rule: never a redirect. */
export function sendRefusal(reply: FastifyReply, rule: string): FastifyReply {
  const body = html`<h1>This link can’t be used</h1>
    <p>The app that sent you here made a mistake. Nothing was granted.</p>
    <p>The rule that was broken: <strong>${rule}</strong>.</p>`;
  return sendPage(reply, 400, page('This link can’t be used', body));
}
