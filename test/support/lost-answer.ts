import { StorageUnavailableError } from '../../src/common/index.js';
import { Database } from '../../src/database/index.js';
import type { Query } from '../../src/database/index.js';
import type { TestVault } from './vault.js';

/**
 * Lets the next transaction of a replica that touches a table commit, and its answer get lost: the
 * connection breaks at the worst of moments. What else happens before the replica knows of it can
 * be given in `meanwhile`.
 *
 * @returns resolves when that has happened
 */
export function loseAnswer(
  { app }: TestVault,
  table: string,
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const database = app.get(Database);
  const transaction = database.transaction.bind(database);
  return new Promise((resolve) => {
    database.transaction = async <T>(work: (query: Query) => Promise<T>): Promise<T> => {
      const statements: string[] = [];
      const result = await transaction((query) =>
        work((sql, ...rest) => {
          statements.push(sql);
          return query(sql, ...rest);
        }),
      );
      if (!statements.some((sql) => sql.includes(table))) return result;
      database.transaction = transaction;
      await meanwhile();
      resolve();
      throw new StorageUnavailableError();
    };
  });
}
