import { eventPage } from '../support/events.js';
import type { EventItem, EventPage } from '../support/events.js';
import { createClient } from '../support/vault.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

describe('GET /events', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2 });
    for (const user of ['ann', 'bob', 'cat', 'dan', 'eve']) await world.link(user);
  });
  afterAll(() => world.close());

  it('is read page by page, on every replica, from a cursor or from an event on', async () => {
    const all = (await eventPage(world, '?limit=500')).items;
    const read: EventItem[] = [];
    let cursor: string | null = null;
    for (let n = 0; ; n += 1) {
      const next: EventPage = await eventPage(
        world,
        `?limit=2${cursor ? `&after=${cursor}` : ''}`,
        n % 2,
      );
      if (next.items.length === 0) {
        expect(next.next_cursor).toBe(cursor);
        break;
      }
      read.push(...next.items);
      cursor = next.next_cursor;
    }
    expect(read).toEqual(all);
    await world.link('kim');
    expect(
      (await eventPage(world, `?after=${cursor ?? ''}`)).items.map(({ user_id }) => user_id),
    ).toEqual(['kim']);
    expect((await eventPage(world, `?after=${all.at(-1)?.id ?? ''}`)).items).toHaveLength(1);
  });

  it('is for administrators, and validates places in the log', async () => {
    const key = await createClient(world.database.url, ['tokens:read', 'tokens:write']);
    expect((await world.vault.request('/events', { key })).status).toBe(403);
    for (const query of [
      '?after=x',
      '?after=p0',
      '?after=p99999999999999999999',
      '?after=00000000-0000-4000-8000-000000000000',
      '?limit=0',
      '?limit=501',
      '?after=p1&after=p2',
    ]) {
      expect((await world.vault.request(`/events${query}`, { key: world.key })).status).toBe(400);
    }
  });
});
