import { Injectable } from '@nestjs/common';
import { StorageUnavailableError } from '../common/index.js';
import { Database } from './database.js';
import { knownMigrations } from './migrator.js';

/** Says whether this database has every migration that this build needs. */
@Injectable()
export class SchemaCheck {
  private complete = false;

  constructor(private readonly database: Database) {}

  /** Migrations not applied yet; empty once the schema is complete, which is then remembered. */
  async pending(): Promise<string[]> {
    if (this.complete) return [];
    const applied = new Set(await this.applied());
    const pending = knownMigrations().filter((name) => !applied.has(name));
    this.complete = pending.length === 0;
    return pending;
  }

  private async applied(): Promise<string[]> {
    const [table] = await this.database.query<{ exists: boolean }>(
      `SELECT to_regclass('migrations') IS NOT NULL AS exists`,
    );
    if (!table) throw new StorageUnavailableError();
    if (!table.exists) return [];
    const rows = await this.database.query<{ name: string }>('SELECT name FROM migrations');
    return rows.map(({ name }) => name);
  }
}
