import { createConnectWorld } from '../support/connect-world.js';
import type { World } from '../support/world.js';
import { send } from './wire.js';
import type { WireAnswer, WireRequest } from './wire.js';

/** A vault to throw things at. */
export interface Target {
  readonly world: World;
  /** One request to the internal listener, with a key that may do everything. */
  readonly call: (request: WireRequest) => Promise<WireAnswer>;
  readonly get: (target: string) => Promise<WireAnswer>;
  /** One request to the public listener. */
  readonly browse: (request: WireRequest) => Promise<WireAnswer>;
}

/**
 * Starts a vault that has a linked user before the tests of the calling block, and makes sure after
 * each that it still serves, that nothing failed inside, and that no prototype was polluted.
 */
export function useTarget(): Target {
  let world: World;
  beforeAll(async () => {
    world = await createConnectWorld({
      replicas: 1,
      environment: { REFRESH_POLICY: 'on-demand' },
    });
    await world.link('ann');
  });
  afterEach(async () => {
    expect((await world.read('ann')).status).toBe(200);
    const failures = world.vault.logs.splice(0).filter((line) => line.includes('"level":50'));
    expect(failures).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
  afterAll(() => world.close());

  const call = (request: WireRequest) =>
    send(world.vault.internalUrl, {
      ...request,
      headers: { Authorization: `Bearer ${world.key}`, ...request.headers },
    });
  return {
    get world() {
      return world;
    },
    call,
    get: (target) => call({ target }),
    browse: (request) => send(world.vault.publicUrl, request),
  };
}
