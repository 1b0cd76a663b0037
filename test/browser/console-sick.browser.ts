import type { Browser } from 'playwright-core';
import { Sampler } from '../../src/console/sampler.js';
import { ProcessId } from '../../src/database/index.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import { launchChromium, newPhone } from './browser.js';

/** Somebody is woken up, and looks. */
describe('the first screen of the console', () => {
  let chromium: Browser;
  let world: World;
  beforeAll(async () => {
    chromium = await launchChromium();
    world = await createWorld({ environment: { REFRESH_INTERVAL: '1' } });
    for (let user = 0; user < 8; user += 1) await world.link(`user-${user}`);
  });
  afterAll(async () => {
    await world.close();
    await chromium.close();
  });

  /** Has the replica write down how it is, instead of waiting until it does. */
  const sample = () => world.vault.app.get(Sampler).look();

  /** Signs in and calls `look` once the console is there, for each size and colour scheme. */
  async function onEachScreen(name: string, look: (place: Look) => Promise<void>) {
    for (const [device, width, height] of [
      ['phone', 390, 844],
      ['desktop', 1280, 800],
    ] as const) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const visit = await newPhone(chromium, { colorScheme });
        const { page } = visit;
        await page.setViewportSize({ width, height });
        await page.goto(`${world.vault.internalUrl}/console`);
        await page.keyboard.type(world.key);
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { name: 'What is wrong' }).waitFor();
        await look({ page, height });
        await visit.photographScreen(`console-${name}-${device}-${colorScheme}`);
        await visit.context.close();
      }
    }
  }

  it('says that all is in order where it is', async () => {
    await sample();
    await onEachScreen('well', async ({ page }) => {
      await page.getByText('All is in order.').waitFor();
      expect(await page.title()).toBe('Token vault');
    });
  });

  it('says what is wrong, all of it, before anything else', async () => {
    world.sandbox.switches.tokenFault = '503';
    await world.database.query('UPDATE stitch_grants SET refresh_due_at = now()');
    await eventually('the provider is paused', async () => {
      await sample();
      const [row] = await world.database.query<{ paused: boolean }>(
        `SELECT sample->'providers'->'stitch-money'->>'breaker' <> '0' AS paused
         FROM console_samples ORDER BY minute DESC LIMIT 1`,
      );
      return row?.paused;
    });
    // Of two other replicas one was killed a while ago, and one can't keep up.
    for (const other of [
      `'host', 'gone-1', 'seen_at', now() - interval '90 seconds'`,
      `'host', 'busy-1', 'seen_at', now(), 'due', 1234, 'due_age_seconds', 600`,
    ]) {
      await world.database.query(
        `INSERT INTO console_samples (minute, process, sample)
         SELECT minute, gen_random_uuid(), sample || jsonb_build_object(${other})
         FROM console_samples WHERE process = $1 ORDER BY minute DESC LIMIT 1`,
        [world.vault.app.get(ProcessId).value],
      );
    }
    await onEachScreen('sick', async ({ page, height }) => {
      for (const text of [
        'A replica is silent: gone-1',
        'stitch-money is paused',
        '1,234 grants are due, the oldest for 10 min.',
      ]) {
        const place = page.getByText(text);
        await place.waitFor();
        const box = await place.boundingBox();
        expect((box?.y ?? Infinity) + (box?.height ?? 0)).toBeLessThan(height);
      }
      expect(await page.title()).toBe('(3) Token vault');
    });
  });
});

interface Look {
  readonly page: Awaited<ReturnType<typeof newPhone>>['page'];
  readonly height: number;
}
