import { SingleBar } from 'cli-progress';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { ofOperator } from '../audit/index.js';
import { SystemClock } from '../common/index.js';
import { loadSealingConfig } from '../config/index.js';
import { Keyring, Sealer, generateKey } from '../encryption/index.js';
import { Rewrapper, SEALED_TABLES, keyUsage } from '../keys/index.js';
import type { KeyUsage } from '../keys/index.js';
import { print, table } from './output.js';
import { OperatorError, withSession } from './session.js';
import { auditOf } from './stores.js';

interface Options {
  id?: string;
  json?: boolean;
}

/** `keys generate|status|rewrap` */
export function addKeyCommands(program: Command): void {
  const keys = program.command('keys').description('keys for VAULT_KEYRING');
  keys
    .command('generate')
    .description('print a new key as id:base64; put it into VAULT_KEYRING, see docs/keys.md')
    .option('--id <id>', 'the key id, 1 to 64 of A-Z a-z 0-9 . _ -', keyId)
    .option('--json', 'print one JSON document')
    .action(({ id, json }: Options) => {
      const key = generateKey(id);
      print(json, { key, id: key.slice(0, key.indexOf(':')) }, [key]);
    });
  keys
    .command('status')
    .description('how many sealed values each key still has')
    .option('--json', 'print one JSON document')
    .action(({ json }: Options) => status(json));
  keys
    .command('rewrap')
    .description('seal everything anew under the first key, beside vaults that work')
    .option('--json', 'print one JSON document')
    .action(({ json }: Options) => rewrap(json));
}

async function status(json?: boolean): Promise<void> {
  const config = loadSealingConfig();
  const keyring = new Keyring(config.keyring);
  const usage = await withSession(config.database, ({ database }) =>
    keyUsage(database.query, SEALED_TABLES, keyring),
  );
  print(
    json,
    {
      primary: keyring.primaryId,
      keys: usage.map(({ id, inKeyring, sealedValues }) => ({
        id,
        in_keyring: inKeyring,
        sealed_values: sealedValues,
      })),
    },
    table(
      ['key', 'sealed values', 'role'],
      usage.map((key) => [key.id, key.sealedValues, roleOf(key, keyring.primaryId)]),
    ),
  );
}

const roleOf = ({ id, inKeyring }: KeyUsage, primary: string): string =>
  id === primary ? 'seals' : inKeyring ? 'opens' : 'not in the keyring';

async function rewrap(json?: boolean): Promise<void> {
  const config = loadSealingConfig();
  const keyring = new Keyring(config.keyring);
  const { rewrapped, remaining } = await withSession(config.database, async (session) => {
    const bar = progressBar();
    const sealer = new Sealer(keyring);
    const { writer } = auditOf(session, sealer);
    const rewrapper = new Rewrapper(
      session.database,
      async (write) => {
        const { count } = await writer.writeNotes(async (query) => {
          const done = await write(query);
          const notes = done > 0 ? [ofOperator('keys.rewrapped', done, keyring.primaryId)] : [];
          return { count: done, notes };
        });
        return count;
      },
      ...([keyring, sealer, new SystemClock()] as const),
      (done) => bar?.update(done),
    );
    bar?.start(await rewrapper.remaining(SEALED_TABLES), 0);
    try {
      const result = await rewrapper.run(SEALED_TABLES);
      await writer.close();
      return result;
    } finally {
      bar?.stop();
    }
  });
  print(json, { rewrapped, remaining }, [
    `${String(rewrapped)} values sealed anew under ${keyring.primaryId}, ${String(remaining)} left.`,
  ]);
  if (remaining > 0) throw new OperatorError(REMAINING, true);
}

const REMAINING =
  'Values are left under other keys: replicas that seal with another first key write them, ' +
  'somebody has their rows locked, or they do not open. Run it again; keys status shows the keys.';

/** On a terminal only, and on stderr, as stdout is the result's. */
function progressBar(): SingleBar | undefined {
  if (!process.stderr.isTTY) return undefined;
  const format = '{bar} {percentage}% | {value}/{total} values | {eta_formatted}';
  return new SingleBar({ stream: process.stderr, format, hideCursor: true });
}

function keyId(text: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(text)) {
    throw new InvalidArgumentError('It must be 1 to 64 of A-Z a-z 0-9 . _ -');
  }
  return text;
}
