import { createHash } from 'node:crypto';
import { PAGE_HEADERS, Pages } from './pages.js';

const ENDS = ['completed', 'awaiting_confirmation', 'pending', 'denied', 'failed'] as const;
const ERRORS = [400, 404, 413, 500, 503];
/** All that a person of this name would be shown. */
const pagesOf = (owner: string | undefined) => {
  const pages = new Pages(owner);
  return [
    ...ENDS.map((status) => [status, pages.end(status)] as const),
    ...ERRORS.map((status) => [String(status), pages.error(status)] as const),
  ];
};
const HOSTILE = `</title></header><script>alert('x')</script>&<img src="//evil">`;

const PAGES = [
  ...pagesOf(undefined),
  ...pagesOf('Example Ltd').map(([name, html]) => [`${name}, with a name`, html] as const),
  ...pagesOf(HOSTILE).map(([name, html]) => [`${name}, with a hostile name`, html] as const),
];

describe('the pages of the public listener', () => {
  it.each(PAGES)('%s: allows its own style by its hash, and nothing else at all', (_, html) => {
    const [, style = ''] = /<style>([^]*)<\/style>/.exec(html) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    const policy = PAGE_HEADERS['content-security-policy'] ?? '';
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|http|\*/);
    expect(html).not.toMatch(/<script|<img|<link|<iframe|<form| on\w+=|style=|https?:/);
  });

  it.each(PAGES)('%s: can be read by a screen reader and on a telephone', (_, html) => {
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(html).toContain('<meta charset="utf-8">');
    expect(html).toContain('name="viewport"');
    const [, title] = /<title>([^<]+)<\/title>/.exec(html) ?? [];
    const [, heading] = /<h1>([^<]+)<\/h1>/.exec(html) ?? [];
    expect(title?.startsWith(heading ?? '?')).toBe(true);
    expect(html.match(/<h1>/g)).toHaveLength(1);
    expect(html.match(/<main[ >]/g)).toHaveLength(1);
    expect(html.match(/<p>[^<]+<\/p>/g)?.length).toBeGreaterThan(0);
    for (const tag of ['html', 'head', 'body', 'main', 'title', 'style', 'h1', 'p']) {
      const opened = html.match(new RegExp(`<${tag}[ >]`, 'g'))?.length;
      expect([tag, html.match(new RegExp(`</${tag}>`, 'g'))?.length]).toEqual([tag, opened]);
    }
  });

  it('are never stored, framed, sniffed or named to another site', () => {
    expect(PAGE_HEADERS).toMatchObject({
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
  });

  it('say whose they are, as text and nothing else; without a name they are as ever', () => {
    for (const [, html] of pagesOf('Müller & "Söhne"')) {
      expect(html).toContain('<header>Müller &amp; &quot;Söhne&quot;</header>');
      expect(html).toMatch(/<title>[^<]+ – Müller &amp; &quot;Söhne&quot;<\/title>/);
    }
    const escaped =
      '&lt;/title&gt;&lt;/header&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;' +
      '&lt;img src=&quot;//evil&quot;&gt;';
    for (const [, html] of pagesOf(HOSTILE)) {
      expect(html).toContain(`<header>${escaped}</header>`);
      expect(html.split(escaped)).toHaveLength(3);
    }
    for (const [, html] of pagesOf(undefined)) {
      expect(html).not.toContain('<header');
      const [, title] = /<title>([^<]+)<\/title>/.exec(html) ?? [];
      expect(html).toContain(`<h1>${title ?? '?'}</h1>`);
    }
  });

  it('tell a refusal, a mistyped address and a busy service apart, and no more', () => {
    const pages = new Pages('Example Ltd');
    const error = (status: number) => pages.error(status);
    expect(error(400)).toBe(error(413));
    expect(error(500)).toBe(error(503));
    expect(new Set([error(400), error(404), error(500)]).size).toBe(3);
  });
});
