import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseKeyring } from '../../../src/config/parsers.js';
import { Keyring, Sealer } from '../../../src/encryption/index.js';
import { ROTATION_FORMAT } from '../../../src/refresher/rotation-format.js';
import { TokenSealer } from '../../../src/grants/index.js';
import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { countLost } from '../losses.js';
import { Findings, inArena } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';

const USER = 'heir';

/** A start over the spool of an earlier release: one good answer, and three that are not. */
export const spoolEntries: Scenario = {
  name: 'spool',
  run: async (site): Promise<Outcome[]> => {
    const found = new Findings('unusable spool entries at the start', '3 unusable, 1 good');
    const arena = await Arena.open(site, { name: 'spool', replicas: 1 });
    return inArena(arena, async () => {
      await arena.seed({ users: [USER], lifetime: 900, age: () => 700, due: () => 60 });
      const [replica] = arena.replicas as [(typeof arena.replicas)[number]];
      const directory = replica.options.environment.SPOOL_DIR ?? '';
      const expected = await plant(arena, directory, site.keyring);
      const readers = arena.openReaders(1);
      await arena.start();
      await eventually('the good answer is committed', () => replica.heard('spool.recovered')[0]);
      await eventually('the rest is set aside', () => replica.heard('spool.set_aside').length >= 3);

      const end = await readers.read(USER);
      const tally = await readers.stop();
      const metrics = await (await fetch(`${replica.url}/metrics`)).text();
      const aside = readdirSync(join(directory, 'set-aside'));
      const [{ version } = { version: 0 }] = await arena.table.query<{ version: number }>(
        'SELECT version::int FROM stitch_grants',
      );
      found.check(
        end.kind === 'token' && end.accessToken === expected && version === 2,
        'the good answer was not committed',
      );
      found.check(aside.length === 3, `${aside.length} entries set aside`);
      found.check(/^stitch_vault_spool_set_aside 3$/m.test(metrics), 'the metric does not say so');
      found.check(
        readdirSync(directory).every((name) => !name.endsWith('.sealed')),
        'an entry stayed in the spool',
      );
      const reasons = replica.heard('spool.set_aside').map(({ reason }) => String(reason));
      found.note(`set aside as ${reasons.sort().join(', ')}; the good answer was committed`);
      await arena.stopReplicas();
      return [found.conclude(arena, tally, await countLost(arena, found))];
    });
  },
};

/** @returns the access token of the good answer */
async function plant(arena: Arena, directory: string, keyring: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const sealer = new Sealer(new Keyring(parseKeyring(keyring)));
  const tokens = new TokenSealer(sealer);
  const key = { provider: 'stitch-money', userId: USER, connection: 'default' };
  const [row] = await arena.table.query<{ grant_id: string }>('SELECT grant_id FROM stitch_grants');
  const leaseOwner = 'an-earlier-process/1';
  await arena.table.query(
    `UPDATE stitch_grants SET lease_owner = $1, rotation_started_at = now(),
       lease_expires_at = now() + interval '1 minute', refresh_due_at = now() + interval '1 minute'`,
    [leaseOwner],
  );
  const issued = await rotate(arena);
  const now = Date.now();
  const result = {
    ...key,
    grantId: row!.grant_id,
    version: 1,
    leaseOwner,
    accessToken: tokens.seal(issued.access_token, 'access_token', key),
    refreshToken: tokens.seal(issued.refresh_token, 'refresh_token', key),
    scopes: null,
    obtainedAt: now,
    expiresAt: now + 900_000,
    refreshDueAt: now + 720_000,
  };
  const entry = (): string =>
    `${String(now).padStart(15, '0')}-${randomBytes(8).toString('hex')}.sealed`;
  const leave = (by: Sealer): Buffer => {
    const name = entry();
    const sealed = by.seal(ROTATION_FORMAT.serialise(result), [ROTATION_FORMAT.purpose, name]);
    writeFileSync(join(directory, name), sealed);
    return sealed;
  };
  const sealed = leave(sealer);
  writeFileSync(join(directory, entry()), 'not sealed at all');
  writeFileSync(join(directory, entry()), sealed.subarray(0, sealed.length - 5));
  leave(new Sealer(new Keyring(parseKeyring(`other:${randomBytes(32).toString('base64')}`))));
  return issued.access_token;
}

/** What an earlier process did: the rotation itself. */
async function rotate(arena: Arena): Promise<{ access_token: string; refresh_token: string }> {
  const answer = await fetch(arena.wires[0]!.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: arena.ledger.newestOf(USER)?.refreshToken ?? '',
      client_id: arena.sandbox.clientId,
      client_secret: arena.sandbox.clientSecret,
    }),
  });
  return (await answer.json()) as { access_token: string; refresh_token: string };
}
