import { begin, visit } from '../support/requests.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const NAME = `<b onclick="x">Müller & Söhne</b>`;
const SHOWN = '<header>&lt;b onclick=&quot;x&quot;&gt;Müller &amp; Söhne&lt;/b&gt;</header>';

describe('pages with DISPLAY_NAME', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ environment: { DISPLAY_NAME: NAME } });
  });
  afterAll(() => world.close());

  it('say whose they are at the end of a link and in an error, by what it reads as', async () => {
    const { authorization_url } = await begin(world, { user_id: 'ann' });
    const callback = await world.sandbox.consent(authorization_url);
    const addresses = ['/callback/nobody', '/callback/%ff', '/authorize/1', '/nothing'];
    const urls = [callback, callback, ...addresses.map((path) => world.vault.publicUrl + path)];
    const statuses: number[] = [];
    for (const url of urls) {
      const answer = await visit(url);
      statuses.push(answer.status);
      const html = await answer.text();
      expect(html).toContain(SHOWN);
      expect(html).not.toContain('<b ');
    }
    expect(statuses).toEqual([200, 400, 404, 400, 400, 404]);
  });
});
