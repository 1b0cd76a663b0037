import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';

/**
 * Milliseconds for which a change of the schema waits for a lock. Whoever comes after it waits behind it,
 * readers too: with a long reader in front (`pg_dump` holds its locks to its end) the vaults would stand still
 * for as long. A vault's own statements have three seconds.
 */
const LOCK_WAIT_MS = 1000;
/** Milliseconds between tries, in which all who waited are served. */
const PAUSE_MS = 4000;
/** What PostgreSQL says when a lock was not to be had in time: `lock_not_available`. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Who has had locks on the vault's tables for longer than a moment; a prepared transaction has no process. */
const HOLDERS = `
  SELECT DISTINCT l.pid, a.application_name AS name, a.xact_start AS since
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.granted AND c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND (l.pid IS NULL OR a.xact_start < now() - interval '1 second')
  ORDER BY 3 LIMIT 5`;

interface Holder {
  readonly pid: number | null;
  readonly name: string | null;
  readonly since: Date | null;
}

/** Hears, in words for a person, of whom the change waits for. */
export type WaitingListener = (holders: readonly string[]) => void;

/**
 * Changes the schema in one transaction that never makes others wait for long: where a lock can't be had
 * at once, all is taken back and tried again, until it works.
 */
export async function changeSchema<T>(
  dataSource: DataSource,
  change: (runner: QueryRunner) => Promise<T>,
  onWaiting: WaitingListener,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    for (;;) {
      try {
        return await inTransaction(runner, change);
      } catch (error) {
        if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
        onWaiting(((await runner.query(HOLDERS)) as Holder[]).map(inWords));
        await sleep(PAUSE_MS);
      }
    }
  } finally {
    await runner.release();
  }
}

async function inTransaction<T>(
  runner: QueryRunner,
  change: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  await runner.startTransaction();
  try {
    await runner.query(`SET LOCAL lock_timeout = ${String(LOCK_WAIT_MS)}`);
    const result = await change(runner);
    await runner.commitTransaction();
    return result;
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction();
    throw error;
  }
}

function inWords({ pid, name, since }: Holder): string {
  if (pid === null) return 'a prepared transaction (pg_prepared_xacts)';
  const who = name === null || name === '' ? 'without a name' : name;
  return `process ${String(pid)} (${who}), in a transaction since ${since?.toISOString() ?? 'some time'}`;
}
