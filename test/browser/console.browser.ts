import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser } from 'playwright-core';
import { launchChromium, newPhone } from './browser.js';
import { createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe('the console', () => {
  let chromium: Browser;
  let world: World;
  beforeAll(async () => {
    chromium = await launchChromium();
    world = await createWorld();
    for (const user of ['ann', 'ben']) await world.link(user);
    await world.read('ann');
    await world.database.query(
      `UPDATE stitch_grants SET status = 'reauthorization_required', reason = 'grant_revoked',
         refresh_token = NULL, refresh_due_at = NULL WHERE user_id = 'ben'`,
    );
    await eventually(
      'a sample is written',
      async () => {
        const samples = await world.database.query('SELECT 1 FROM console_samples');
        return samples.length > 0;
      },
      40_000,
    );
    // A replica that was killed a while ago.
    await world.database.query(
      `INSERT INTO console_samples (minute, process, sample)
       SELECT minute, gen_random_uuid(), sample || jsonb_build_object('host', 'gone-1',
         'seen_at', now() - interval '90 seconds')
       FROM console_samples ORDER BY minute DESC LIMIT 1`,
    );
  });
  afterAll(async () => {
    await world.close();
    await chromium.close();
  });

  it.each([
    ['phone', 'light', 390],
    ['phone', 'dark', 390],
    ['desktop', 'light', 1280],
    ['desktop', 'dark', 1280],
  ] as const)(
    'shows all on a %s, %s, by keyboard alone and readable for everybody',
    async (device, colorScheme, width) => {
      const visit = await newPhone(chromium, { colorScheme });
      const { page } = visit;
      await page.setViewportSize({ width, height: 844 });
      await page.goto(`${world.vault.internalUrl}/console`);
      // The field has the focus already.
      await page.keyboard.type(world.key);
      await page.keyboard.press('Enter');
      await page.getByText('A replica is silent: gone-1 for').waitFor();
      await page.getByRole('cell', { name: /^silent for/ }).waitFor();
      await page.getByRole('cell', { name: 'ben', exact: true }).waitFor();
      await page.getByRole('button', { name: 'Consent link for ben' }).click();
      expect(
        await page.getByRole('textbox', { name: 'Consent link for ben' }).inputValue(),
      ).toContain('/connect/authorize');
      await page.getByLabel('User id').fill('ann');
      await page.keyboard.press('Enter');
      await page
        .getByRole('region', { name: 'Reads of ann' })
        .getByText('token.read')
        .first()
        .waitFor();
      await page.getByRole('button', { name: 'Count sealed values' }).click();
      await page.getByRole('cell', { name: 'seals' }).waitFor();
      await visit.photograph(`console-${device}-${colorScheme}`);
      await page.evaluate(AXE);
      const violations = await page.evaluate(
        `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ').slice(0, 300)))`,
      );
      expect(violations).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(
        true,
      );
      // The key is nowhere but in memory, and a token nowhere at all.
      const kept = await page.evaluate(
        'JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, document.documentElement.outerHTML])',
      );
      expect(kept).not.toContain(world.key);
      const { access_token } = (await (await world.read('ann')).json()) as { access_token: string };
      expect(kept).not.toContain(access_token);
      for (const url of visit.requests) expect(url).not.toContain(world.key);
      expect(visit.complaints).toEqual([]);
      await visit.context.close();
    },
  );

  it('refuses a key without the scope admin, and says so', async () => {
    const visit = await newPhone(chromium);
    const key = await createClient(world.database.url, ['tokens:read']);
    await visit.page.goto(`${world.vault.internalUrl}/console`);
    await visit.page.getByLabel('API key').fill(key);
    await visit.page.keyboard.press('Enter');
    await visit.page.getByText('This key lacks the scope admin.').waitFor();
    expect(await visit.page.locator('#console').isHidden()).toBe(true);
    await visit.context.close();
  });
});
