import { Injectable } from '@nestjs/common';
import { StorageUnavailableError } from '../common/index.js';
import { Database, History, SchemaCheck } from '../database/index.js';
import { Lifecycle } from '../lifecycle/index.js';
import { KeyringCheck, KeyringError } from './keyring-check.js';

/**
 * Says whether this process may begin its background work: not before its keyring was compared.
 * That is the first thing it does with a database, before it gives back what that may have
 * forgotten.
 */
@Injectable()
export class KeyringGate {
  private refusal: KeyringError | undefined;

  constructor(
    private readonly database: Database,
    private readonly schema: SchemaCheck,
    private readonly comparison: KeyringCheck,
    private readonly lifecycle: Lifecycle,
    history: History,
  ) {
    // Here and not in a hook of Nest's: the first heartbeat asks, whichever hook comes first.
    history.mayRestore = () => this.compared();
  }

  /**
   * Compares the keyring with the database, unless that was done.
   *
   * @returns false when that can't be done now: the database is away, or not migrated
   * @throws KeyringError when a key is missing or is not the one that was used
   */
  async opens(): Promise<boolean> {
    try {
      const compared = this.database.available && (await this.compared());
      if (this.refusal) throw this.refusal;
      return compared;
    } catch (error) {
      if (error instanceof StorageUnavailableError) return false;
      throw error;
    }
  }

  private async compared(): Promise<boolean> {
    if (this.lifecycle.keyringChecked) return true;
    if (this.refusal || (await this.schema.pending()).length > 0) return false;
    try {
      await this.comparison.run();
    } catch (error) {
      if (!(error instanceof KeyringError)) throw error;
      this.refusal = error;
      return false;
    }
    this.lifecycle.keyringChecked = true;
    return true;
  }
}
