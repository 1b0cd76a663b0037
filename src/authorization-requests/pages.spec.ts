import { createHash } from 'node:crypto';
import { PAGE_HEADERS, endPage, errorPage } from './pages.js';

const PAGES = [
  ...(['completed', 'awaiting_confirmation', 'denied', 'failed'] as const).map(
    (status) => [status, endPage(status)] as const,
  ),
  ...[400, 404, 413, 500, 503].map((status) => [String(status), errorPage(status)] as const),
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
    expect(title).toBe(heading);
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

  it('tell a refusal, a mistyped address and a busy service apart, and no more', () => {
    expect(errorPage(400)).toBe(errorPage(413));
    expect(errorPage(500)).toBe(errorPage(503));
    expect(new Set([errorPage(400), errorPage(404), errorPage(500)]).size).toBe(3);
  });
});
