import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';

/** Where screenshots go; not committed. */
const ARTIFACTS = join(import.meta.dirname, '..', '..', '.artifacts');

/** Nothing that phones home: the tests stay on loopback. */
const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A phone of middling size, in CSS pixels. */
const PHONE = { width: 390, height: 844 };

export const launchChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    // Chromium's own sandbox does not work for root.
    chromiumSandbox: process.getuid?.() !== 0,
    args: FLAGS,
  });

/** What a person's phone shows, and what went wrong in it. */
export interface Phone {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the browser complained of: errors, blocked content. */
  readonly complaints: string[];
  /** Every address that was asked for. */
  readonly requests: string[];
  /** Takes a picture of the whole page into `.artifacts/`. */
  photograph(name: string): Promise<void>;
  /** The same of what is seen without scrolling. */
  photographScreen(name: string): Promise<void>;
}

export async function newPhone(
  browser: Browser,
  options: { colorScheme?: 'light' | 'dark'; javaScriptEnabled?: boolean } = {},
): Promise<Phone> {
  const context = await browser.newContext({
    viewport: PHONE,
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
    ...options,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  context.on('request', (request) => requests.push(request.url()));
  mkdirSync(ARTIFACTS, { recursive: true });
  return {
    ...{ context, page, complaints, requests },
    photograph: async (name) => {
      await page.screenshot({ path: join(ARTIFACTS, `${name}.png`), fullPage: true });
    },
    photographScreen: async (name) => {
      await page.screenshot({ path: join(ARTIFACTS, `${name}.png`) });
    },
  };
}

/** What a page needs for everybody to be able to read it, on a phone and without looking at it. */
export async function readability(page: Page) {
  const heading = page.getByRole('heading', { level: 1 });
  return {
    language: await page.locator('html').getAttribute('lang'),
    titled: (await page.title()) === (await heading.textContent()),
    headings: await heading.count(),
    landmarks: await page.getByRole('main').count(),
    // Expressions of the page, in text: the tests themselves know no DOM.
    smallestText: Number(
      await page.evaluate(
        `Math.min(...[...document.querySelectorAll('main p, main li')]
          .map((each) => parseFloat(getComputedStyle(each).fontSize)))`,
      ),
    ),
    fits: await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth'),
  };
}
