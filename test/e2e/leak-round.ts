import { setTimeout as delay } from 'node:timers/promises';
import type { StitchMoneySwitches } from '../../sandbox/index.js';
import { dumpDatabase } from '../support/dump.js';
import type { Haystack, Needle } from '../support/needles.js';
import { visit } from '../support/requests.js';
import { eventually } from '../support/wait.js';
import { createLeakWorld } from './leak-world.js';
import type { LeakWorld } from './leak-world.js';

/** What was issued, and everything in which none of it may be found. */
export interface LeakRound {
  readonly needles: readonly Needle[];
  readonly dump: readonly Haystack[];
  readonly logs: readonly Haystack[];
  readonly answers: readonly Haystack[];
  readonly metrics: readonly Haystack[];
  readonly spool: readonly Haystack[];
}

/** Links, reads and rotations that succeed, and every way for them to fail. */
export async function runLeakRound(): Promise<LeakRound> {
  const leaks = await createLeakWorld();
  const { vaults, database } = leaks.world;
  try {
    await linkAndRotate(leaks);
    await failToLink(leaks);
    await failToRotate(leaks);
    await refuse(leaks);
    await readClientTokens(leaks);
    const spool = await spoolOne(leaks);
    const metrics = await Promise.all(
      vaults.map(async (vault, index) => ({
        name: `metrics of replica ${String(index)}`,
        text: await (await vault.request('/metrics')).text(),
      })),
    );
    const dump = await dumpDatabase(database);
    // What they say when they stop is part of the log.
    await Promise.all(vaults.map((vault) => vault.stop()));
    const logs = vaults.map(({ logs: lines }, index) => ({
      name: `log of replica ${String(index)}`,
      text: lines.join(''),
    }));
    return { needles: leaks.needles(), dump, logs, answers: leaks.answers, metrics, spool };
  } finally {
    await leaks.close();
  }
}

async function linkAndRotate({ world, keep, consent, makeStale }: LeakWorld): Promise<void> {
  for (let index = 0; index < 5; index += 1) {
    const user = `leak-user-${String(index)}`;
    const returnTo = index % 2 ? 'https://app.example.com/x' : undefined;
    const callback = await consent(user, { returnTo });
    await keep('callback', await visit(callback));
    await keep('replayed callback', await visit(callback));
    // One more consent, which stays beside the grant for want of a confirmation.
    await keep('unconfirmed', await visit(await consent(user, { confirm: true })));
    for (const replica of [0, 1]) {
      await keep('read', await world.read(user, '', replica));
      await makeStale(user);
      await keep('read after rotation', await world.read(user, '', replica));
    }
  }
}

async function failToLink({ world, keep, consent }: LeakWorld): Promise<void> {
  const { sandbox, vault, key } = world;
  await keep('declined', await visit(await consent('leak-declined', { cancel: true })));
  for (const idTokenFault of ['wrong_nonce', 'bad_signature', 'bad_at_hash', 'alg_none'] as const) {
    const callback = await consent('leak-failed');
    Object.assign(sandbox.switches, { idTokenFault });
    await keep(idTokenFault, await visit(callback));
  }
  sandbox.reset();
  for (const tokenFault of ['malformed_after', 'drop_after', 'invalid_client', '500'] as const) {
    const callback = await consent('leak-failed');
    Object.assign(sandbox.switches, { tokenFault, faultOn: 'code' });
    await keep(tokenFault, await visit(callback));
    sandbox.reset();
  }
  const callback = await consent('leak-failed');
  const { pathname, search } = new URL(callback);
  await keep('doubled parameters', await visit(`${callback}${search.replace('?', '&')}`));
  await keep('other provider', await visit(callback.replace('/stitch-money', '/nobody')));
  await keep('internal listener', await vault.request(pathname + search, { key }));
}

async function failToRotate({ world, keep, consent }: LeakWorld): Promise<void> {
  const faults: Partial<StitchMoneySwitches>[] = [
    { tokenFault: 'malformed_after', faultOn: 'refresh', faultCount: 1 },
    { tokenFault: 'drop_after', faultOn: 'refresh', faultCount: 1 },
    { tokenFault: '503', faultOn: 'refresh', retryAfter: 1 },
  ];
  for (const [index, switches] of faults.entries()) {
    const user = `leak-rotation-${String(index)}`;
    await keep('callback', await visit(await consent(user)));
    await world.age(user, 900);
    Object.assign(world.sandbox.switches, switches);
    await keep('read during a fault', await world.read(user, '', index % 2));
    world.sandbox.reset();
    // An answer that could not be read is held: its token is not presented again.
    const ends = switches.tokenFault === 'malformed_after' ? [503] : [200, 409];
    await eventually('the fault is over', async () =>
      ends.includes(await keep('read after a fault', await world.read(user))),
    );
  }
}

async function refuse({ world, keep, keys, clientSecrets }: LeakWorld): Promise<void> {
  const { vault, key } = world;
  const user = '/tokens/leak-user-0';
  await keep('wrong key', await vault.request(user, { key: keys.wrong }));
  await keep('key in the query', await vault.request(`${user}?key=${key}`));
  await keep('key without scope', await vault.request(user, { key: keys.writeOnly }));
  await keep('key as user', await world.read(key));
  const body = JSON.stringify({ user_id: 'x', client_secret: clientSecrets[0] });
  const post = { key, method: 'POST', body };
  await keep('unknown member', await vault.request('/authorization-requests', post));
  const broken = { ...post, body: `${body}]` };
  await keep('broken body', await vault.request('/authorization-requests', broken));
}

async function readClientTokens({ world, keep }: LeakWorld): Promise<void> {
  const ask = (scope: string, replica: number) =>
    world.vaults[replica]?.request(`/client-tokens/stitch-money?scope=${scope}`, {
      key: world.key,
    });
  for (const replica of [0, 1]) {
    const answer = await ask('client_paymentrequest', replica);
    if (answer) await keep('read of a client token', answer);
  }
  Object.assign(world.sandbox.switches, { tokenFault: 'malformed', faultOn: 'client' });
  const failed = await ask('client_refund', 0);
  if (failed) await keep('client token that failed', failed);
  world.sandbox.reset();
}

/** Lets the database go while a rotation is on its way, and looks at what was put aside. */
async function spoolOne(leaks: LeakWorld): Promise<Haystack[]> {
  const { world, proxy, keep, consent, makeStale, spooled } = leaks;
  const { stats, switches } = world.sandbox;
  await keep('callback', await visit(await consent('leak-spooled')));
  await makeStale('leak-spooled');
  switches.latencyMs = 300;
  const { refreshCalls } = stats;
  let reading = world.read('leak-spooled');
  await eventually('it is asked for', async () => {
    const refused = await Promise.race([reading, delay(100)]);
    // A machine without time to spare says so: the reader asks again.
    if (refused && stats.refreshCalls === refreshCalls) reading = world.read('leak-spooled');
    return stats.refreshCalls > refreshCalls;
  });
  proxy.cut();
  const uncommitted = async (count: number) =>
    new RegExp(`^stitch_vault_answers_in_hand ${String(count)}$`, 'm').test(
      await (await world.vault.request('/metrics')).text(),
    );
  await eventually('an answer waits for its commit', () => uncommitted(1));
  const files = spooled();
  proxy.restore();
  await keep('read without a database', await reading);
  await eventually('it is committed', () => uncommitted(0));
  return files;
}
