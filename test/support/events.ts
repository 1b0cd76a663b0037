import type { World } from './world.js';

/** An event as `GET /events` shows it. */
export interface EventItem {
  id: string;
  type: string;
  created_at: string;
  provider: string;
  user_id: string;
  connection: string;
  data: Record<string, unknown>;
}

/** What `GET /events` answers. */
export interface EventPage {
  items: EventItem[];
  next_cursor: string | null;
}

/** A page of events from a replica. @throws when it is refused */
export async function eventPage(
  { vaults, vault, key }: Pick<World, 'vaults' | 'vault' | 'key'>,
  query = '',
  replica = 0,
): Promise<EventPage> {
  const answer = await (vaults[replica] ?? vault).request(`/events${query}`, { key });
  if (answer.status !== 200) throw new Error(`the events were refused with ${answer.status}`);
  return (await answer.json()) as EventPage;
}
