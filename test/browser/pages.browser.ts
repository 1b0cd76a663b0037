import type { Browser } from 'playwright-core';
import { launchChromium, newPhone, readability } from './browser.js';
import { createBrowserWorld } from './browser-world.js';
import type { BrowserWorld } from './browser-world.js';

describe('the pages a user may end at', () => {
  let chromium: Browser;
  let links: BrowserWorld;
  beforeAll(async () => {
    chromium = await launchChromium();
    links = await createBrowserWorld();
  });
  afterAll(async () => {
    await links.close();
    await chromium.close();
  });

  const ends: [name: string, title: string, fault: object, button: string, body: object][] = [
    ['linked', 'Your account is linked', {}, 'Grant access', {}],
    ['one-more-step', 'One more step', {}, 'Grant access', { confirm: true }],
    ['not-linked', 'Your account was not linked', {}, 'Cancel', {}],
    [
      'failed',
      'Your account could not be linked',
      { tokenFault: '503', faultOn: 'code' },
      'Grant access',
      {},
    ],
  ];
  const readable = {
    ...{ language: 'en', titled: true, headings: 1, landmarks: 1, fits: true },
  };

  it.each(ends)('is readable on a phone, light and dark, without scripts: %s', async (...end) => {
    const [name, title, fault, button, body] = end;
    for (const colorScheme of ['light', 'dark'] as const) {
      const phone = await newPhone(chromium, { colorScheme, javaScriptEnabled: false });
      const begun = await links.begin({ user_id: 'ann', ...body });
      await phone.page.goto(begun.authorization_url);
      Object.assign(links.world.sandbox.switches, fault);
      await phone.page.getByRole('button', { name: button }).click();
      await phone.page.getByRole('heading', { name: title }).waitFor();
      links.world.sandbox.reset();
      const found = await readability(phone.page);
      expect(found).toMatchObject(readable);
      expect(found.smallestText).toBeGreaterThanOrEqual(16);
      await phone.photograph(`page-${name}-${colorScheme}`);
      await phone.context.close();
    }
  });

  it.each([
    ['expired', '/authorize/00000000-0000-4000-8000-000000000000', 'This link cannot be used'],
    ['nothing-here', '/favicon', 'There is nothing here'],
  ])('is readable when there is nothing to link: %s', async (name, path, title) => {
    const phone = await newPhone(chromium);
    await phone.page.goto(`${links.publicUrl}${path}`);
    await phone.page.getByRole('heading', { name: title }).waitFor();
    expect(await readability(phone.page)).toMatchObject(readable);
    await phone.photograph(`page-${name}`);
    await phone.context.close();
  });
});
