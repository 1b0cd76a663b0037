import { createConnectWorld } from './connect-world.js';
import type { ConnectWorld } from './connect-world.js';
import { eventPage } from './events.js';
import type { EventItem } from './events.js';
import { begin, visit } from './requests.js';
import type { BegunRequest } from './requests.js';
import { eventually } from './wait.js';
import type { TokenAnswer, WorldOptions } from './world.js';

/** A world in which links are confirmed. */
export interface ConfirmWorld extends ConnectWorld {
  /** A request made for `user`, consented to by whoever was sent its link. */
  consented(user: string, body?: object): Promise<BegunRequest & { callback: Response }>;
  /** Says who came back. @returns the HTTP status, and the answer */
  confirm(
    id: string,
    userId: string,
    replica?: number,
  ): Promise<{ http: number; code?: string; status?: string | number }>;
  token(user: string, replica?: number): Promise<TokenAnswer>;
  deleteGrant(user: string, replica?: number): Promise<Response>;
  /** The ids of the requests whose consents wait beside the grants of a user. */
  aside(user: string): Promise<string[]>;
  eventsOf(user: string): Promise<EventItem[]>;
  /** Resolves when everything that was to be revoked has been. */
  revoked(): Promise<unknown>;
}

export async function createConfirmWorld(options: WorldOptions = {}): Promise<ConfirmWorld> {
  const world = await createConnectWorld(options);
  return {
    ...world,
    consented: async (user, body = {}) => {
      const begun = await begin(world, { user_id: user, confirm: true, ...body });
      const callback = await visit(await world.sandbox.consent(begun.authorization_url));
      return { ...begun, callback };
    },
    confirm: async (id, userId, replica = 0) => {
      const path = `/authorization-requests/${id}/confirm`;
      const answer = await world.post(path, { user_id: userId }, replica);
      return { http: answer.status, ...((await answer.json()) as { code?: string }) };
    },
    token: async (user, replica = 0) =>
      (await (await world.read(user, '', replica)).json()) as TokenAnswer,
    deleteGrant: (user, replica = 0) =>
      world.vaults[replica]!.request(`/tokens/${user}`, { key: world.key, method: 'DELETE' }),
    aside: async (user) => {
      const rows = await world.database.query<{ grant_id: string }>(
        'SELECT grant_id FROM stitch_unconfirmed_grants WHERE user_id = $1 ORDER BY obtained_at',
        [user],
      );
      return rows.map(({ grant_id }) => grant_id);
    },
    eventsOf: async (user) =>
      (await eventPage(world, '?limit=500')).items.filter(({ user_id }) => user_id === user),
    revoked: () =>
      eventually('the outbox is empty', async () => {
        const rows = await world.database.query('SELECT 1 FROM stitch_revocations');
        return rows.length === 0;
      }),
  };
}
