import { Injectable } from '@nestjs/common';
import { StorageUnavailableError } from '../common/index.js';
import { Database, SchemaCheck } from '../database/index.js';
import { Lifecycle } from '../lifecycle/index.js';
import { KeyringCheck } from './keyring-check.js';

/** Says whether this process may work on its own account: not before its keyring was compared. */
@Injectable()
export class KeyringGate {
  constructor(
    private readonly database: Database,
    private readonly schema: SchemaCheck,
    private readonly comparison: KeyringCheck,
    private readonly lifecycle: Lifecycle,
  ) {}

  /**
   * Compares the keyring with the database, unless that was done.
   *
   * @returns false when that can't be done now: the database is away, or not migrated
   * @throws KeyringError when a key is missing or is not the one that was used
   */
  async opens(): Promise<boolean> {
    if (this.lifecycle.keyringChecked) return true;
    try {
      if (!this.database.available) return false;
      if ((await this.schema.pending()).length > 0) return false;
      await this.comparison.run();
    } catch (error) {
      if (error instanceof StorageUnavailableError) return false;
      throw error;
    }
    this.lifecycle.keyringChecked = true;
    return true;
  }
}
