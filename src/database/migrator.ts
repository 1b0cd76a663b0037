import { DataSource, MigrationExecutor } from 'typeorm';
import type { QueryRunner } from 'typeorm';
import { migrations } from '#migrations';
import type { ConnectionConfig } from '../config/index.js';
import { dataSourceOptions } from './data-source.js';
import { changeSchema } from './schema-change.js';
import type { WaitingListener } from './schema-change.js';
import { SERVER_SETTINGS, ServerSettingsError, settingProblems } from './server-settings.js';
import type { ServerSettings } from './server-settings.js';
import { renewRights } from './vault-role.js';

/** An arbitrary constant that every replica agrees on: the advisory lock of schema changes. */
const MIGRATION_LOCK = 7_146_210_001;

/** One migration and whether this database has it. */
export interface MigrationState {
  readonly name: string;
  readonly applied: boolean;
}

/** What a run has done. */
export interface MigrationRun {
  readonly applied: readonly string[];
  /** Roles whose rights were renewed. */
  readonly roles: readonly string[];
}

/** Names of all migrations this build knows, oldest first. */
export const knownMigrations = (): string[] => migrations.map((migration) => migration.name);

/**
 * Applies and reverts migrations. Each change runs in one transaction under an advisory lock, so
 * that two replicas that migrate at once do so one after the other. It waits for whoever uses a table,
 * and has nobody wait behind it.
 */
export class Migrator {
  constructor(private readonly config: ConnectionConfig) {}

  /**
   * Applies what is pending, and gives the roles that vaults work with the rights on it.
   *
   * @param role see {@link renewRights}
   * @param onWaiting hears of each time that somebody's locks were in the way
   * @returns the names applied, oldest first, and the roles
   * @throws ServerSettingsError before anything is changed; Error where the rights of a role can't
   *   be given, with the migrations applied
   */
  run(role?: string, onWaiting: WaitingListener = ignore): Promise<MigrationRun> {
    return this.locked(async (dataSource) => {
      await refuseSettings(dataSource);
      const applied = await changeSchema(
        dataSource,
        (runner) => executor(dataSource, runner).executePendingMigrations(),
        onWaiting,
      );
      const roles = await renewRights(dataSource, role);
      return { applied: applied.map(({ name }) => name), roles };
    });
  }

  /** Reverts the newest applied migration. @returns its name, or nothing when there is none */
  revert(onWaiting: WaitingListener = ignore): Promise<string[]> {
    return this.locked(async (dataSource) => {
      const [newest] = await new MigrationExecutor(dataSource).getExecutedMigrations();
      if (!newest) return [];
      await changeSchema(
        dataSource,
        (runner) => executor(dataSource, runner).undoLastMigration(),
        onWaiting,
      );
      return [newest.name];
    });
  }

  show(): Promise<MigrationState[]> {
    return this.connected(async (dataSource) => {
      const executed = await new MigrationExecutor(dataSource).getExecutedMigrations();
      const applied = new Set(executed.map(({ name }) => name));
      return knownMigrations().map((name) => ({ name, applied: applied.has(name) }));
    });
  }

  /** Holds the lock by a transaction, not by the session, so that a pooler does not lose it. */
  private locked<T>(change: (dataSource: DataSource) => Promise<T>): Promise<T> {
    return this.connected(async (dataSource) => {
      const lock = dataSource.createQueryRunner();
      try {
        await lock.startTransaction();
        await lock.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
        return await change(dataSource);
      } finally {
        if (lock.isTransactionActive) await lock.rollbackTransaction();
        await lock.release();
      }
    });
  }

  private async connected<T>(work: (dataSource: DataSource) => Promise<T>): Promise<T> {
    const options = dataSourceOptions({ ...this.config, poolSize: 2 });
    // A migration may take its time, and so may the wait for another replica's.
    const dataSource = new DataSource({
      ...options,
      extra: { ...(options.extra as object), query_timeout: 0 },
    });
    await dataSource.initialize();
    try {
      return await work(dataSource);
    } finally {
      await dataSource.destroy();
    }
  }
}

/** What works in the transaction that the runner has begun, and neither begins nor ends one. */
function executor(dataSource: DataSource, runner: QueryRunner): MigrationExecutor {
  const made = new MigrationExecutor(dataSource, runner);
  made.transaction = 'all';
  return made;
}

const ignore = (): void => undefined;

/** @throws ServerSettingsError */
async function refuseSettings(dataSource: DataSource): Promise<void> {
  const [settings] = await dataSource.query<ServerSettings[]>(SERVER_SETTINGS);
  const problems = settings ? settingProblems(settings) : [];
  if (problems.length > 0) throw new ServerSettingsError(problems);
}
