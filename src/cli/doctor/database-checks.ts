import { StorageUnavailableError, describeError } from '../../common/index.js';
import type { ConnectionConfig, InspectedEnvironment } from '../../config/index.js';
import {
  SERVER_SETTINGS,
  SchemaCheck,
  knownMigrations,
  settingProblems,
} from '../../database/index.js';
import type { Database, ServerSettings } from '../../database/index.js';
import { Keyring, Sealer } from '../../encryption/index.js';
import { KeyringCheck, KeyringError } from '../../health/index.js';
import { withSession } from '../session.js';
import { userGrantsOf } from '../stores.js';
import { bad, codeOf, good } from './check.js';
import type { Check } from './check.js';
import { checkGrantsOfAll } from './provider-checks.js';
import { missingRights } from './rights.js';

/** Milliseconds by which the clocks may differ: id_tokens are believed within a minute. */
const LARGEST_SKEW_MS = 30_000;
const MIGRATE = 'npm run migration:run (in a container: node dist/cli.js migrate)';

/** What to do about a connection that fails, by the code of the error. */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: start PostgreSQL, or set DATABASE_URL',
  ENOTFOUND: 'there is no such host: set DATABASE_URL',
  EAI_AGAIN: 'the name of the host is not resolved now: look at DNS',
  ETIMEDOUT: 'the host does not answer: look at the firewall',
  '28P01': 'the password is wrong: set DATABASE_URL',
  '28000': 'the server lets nobody in like this: look at pg_hba.conf and the role',
  '3D000': 'there is no such database: create it, or set DATABASE_URL',
  '53300': 'the server has no connection left: look at max_connections and DATABASE_POOL_SIZE',
  '57P03': 'the server is starting up: wait',
};

/**
 * All that is asked of the database, in one session. Nothing is written.
 *
 * @param configured the names of the providers that the configuration has
 */
export async function checkDatabase(
  inspected: InspectedEnvironment,
  configured: readonly string[],
): Promise<Check[]> {
  const { config, problems } = inspected;
  // Not even tried where the start would refuse to: it might send a password in the clear.
  const refused = problems.some(({ name }) => /^(DATABASE_URL(_FILE)?|PG[A-Z]+)$/.test(name));
  if (refused) return unreached('DATABASE_URL is not right: see config', inspected);
  try {
    return await withSession(config.database, ({ database }) =>
      examine(database, inspected, configured),
    );
  } catch (error) {
    const cause = error instanceof StorageUnavailableError ? error.cause : error;
    return unreached(whyNot(cause, config.database), inspected);
  }
}

async function examine(
  database: Database,
  inspected: InspectedEnvironment,
  configured: readonly string[],
): Promise<Check[]> {
  const checks: Check[] = [
    await checkServer(database, inspected.config.database),
    await checkStandby(database, inspected.config.journal.commitRetentionMs),
  ];
  const schema = await checkSchema(database);
  checks.push(...schema);
  const migrated = schema.every(({ ok }) => ok);
  checks.push(
    migrated
      ? await checkKeyring(database, inspected)
      : (ownKeyring(inspected) ??
          bad('keyring', `not compared with the database: run ${MIGRATE} first`)),
    await checkClock(database),
  );
  // What is left out by a mistake that is told already needs no second line.
  if (migrated && inspected.problems.length === 0) {
    checks.push(...(await checkGrantsOfAll(userGrantsOf(database), configured)));
  }
  return checks;
}

async function checkServer(database: Database, config: ConnectionConfig): Promise<Check> {
  const [settings] = await database.query<ServerSettings>(SERVER_SETTINGS);
  const problems = settings ? settingProblems(settings) : [];
  if (problems.length > 0) {
    return bad('database', `set at the server, the database or the role: ${problems.join('; ')}`);
  }
  const version = String(Math.floor((settings?.version ?? 0) / 10_000));
  return good('database', `PostgreSQL ${version} at ${placeOf(config)}`);
}

async function checkStandby(database: Database, retentionMs: number): Promise<Check> {
  const [row] = await database.query<{ names: string; commit: string }>(
    `SELECT current_setting('synchronous_standby_names') AS names,
       current_setting('synchronous_commit') AS commit`,
  );
  const { names = '', commit = '' } = row ?? {};
  const seconds = String(retentionMs / 1000);
  const said =
    names === ''
      ? `no synchronous standby: what a failover loses of the last ${seconds} s (COMMIT_RETENTION) is written again`
      : `synchronous standby: ${names}`;
  const late =
    commit === 'off' ? '; synchronous_commit is off: a crash loses the last moments, too' : '';
  return good('database standby', said + late);
}

async function checkSchema(database: Database): Promise<Check[]> {
  const pending = await new SchemaCheck(database).pending();
  if (pending.length > 0) {
    return [bad('migrations', `${pending.join(', ')} not applied: run ${MIGRATE}`)];
  }
  const missing = await missingRights(database.query);
  const rights =
    missing.length === 0
      ? good('database rights', 'the role may do what the vault does')
      : bad(
          'database rights',
          `the role lacks ${missing.join(', ')}: run deploy/postgres/vault-role.sql as the owner`,
        );
  return [good('migrations', `all ${String(knownMigrations().length)} are applied`), rights];
}

/** What is wrong with the keyring whatever the database holds. */
function ownKeyring({ keyring, keyringProblems }: InspectedEnvironment): Check | undefined {
  const [problem] = keyringProblems;
  if (problem) return bad('keyring', `set ${problem.name}: ${problem.expected}`);
  if (keyring.length > 0) return undefined;
  return good('keyring', 'there is none yet: development makes one in .data at the first start');
}

async function checkKeyring(database: Database, inspected: InspectedEnvironment): Promise<Check> {
  const own = ownKeyring(inspected);
  if (own) return own;
  const keyring = new Keyring(inspected.keyring);
  try {
    await new KeyringCheck(database, keyring, new Sealer(keyring)).run();
  } catch (error) {
    if (!(error instanceof KeyringError)) throw error;
    return bad('keyring', `${error.message}; put these keys into VAULT_KEYRING`);
  }
  return good('keyring', `has every key in use, and seals with ${keyring.primaryId}`);
}

async function checkClock(database: Database): Promise<Check> {
  const before = Date.now();
  const [row] = await database.query<{ now: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::numeric AS now',
  );
  const skew = Math.round(((row?.now ?? 0) - (before + Date.now()) / 2) / 1000);
  const said = `this machine and the database are ${String(Math.abs(skew))} s apart`;
  return Math.abs(skew) * 1000 <= LARGEST_SKEW_MS
    ? good('clock', said)
    : bad('clock', `${said}: synchronise both clocks (NTP)`);
}

/** What is left to say while the database can't be asked. */
function unreached(why: string, inspected: InspectedEnvironment): Check[] {
  const unknown = 'not checked: the database cannot be reached';
  return [
    bad('database', why),
    bad('migrations', unknown),
    ownKeyring(inspected) ?? bad('keyring', 'not compared with the database: it cannot be reached'),
    bad('clock', unknown),
  ];
}

function whyNot(error: unknown, config: ConnectionConfig): string {
  const code = codeOf(error);
  // The driver has no code for a deadline.
  const late = error instanceof Error && /timeout/i.test(error.message);
  const advice = ADVICE[code] ?? (late ? ADVICE.ETIMEDOUT : undefined);
  const known = code === 'unknown' ? '' : ` (${code})`;
  return `${placeOf(config)} cannot be reached${known}: ${advice ?? describeError(error).message}`;
}

/** Hosts, ports and database; neither user nor password. */
const placeOf = ({ servers, database }: ConnectionConfig): string =>
  `${servers.map(({ host, port }) => `${host}:${String(port)}`).join(',')}/${database}`;
