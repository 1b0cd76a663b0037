import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorFunction, HealthIndicatorResult } from '@nestjs/terminus';
import { StorageUnavailableError } from '../common/index.js';
import { Database, SchemaCheck, StaleTrust } from '../database/index.js';
import { Lifecycle } from '../lifecycle/index.js';

/** What must be up for the vault to be ready. */
@Injectable()
export class Indicators {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly database: Database,
    private readonly schema: SchemaCheck,
    private readonly lifecycle: Lifecycle,
    private readonly trust: StaleTrust,
  ) {}

  all(): HealthIndicatorFunction[] {
    return [
      () => this.databaseUp(),
      () => this.migrated(),
      () => this.keyringComplete(),
      () => this.listening(),
    ];
  }

  private databaseUp(): HealthIndicatorResult {
    const check = this.indicator.check('database');
    if (this.database.available) return check.up();
    return check.down({
      reason: this.database.trouble ?? 'not asked yet',
      // Whether what is in memory is still served from.
      stale_trust: this.trust.holds ? 'holds' : 'ended',
    });
  }

  private async migrated(): Promise<HealthIndicatorResult> {
    const check = this.indicator.check('migrations');
    try {
      const pending = await this.schema.pending();
      if (pending.length === 0) return check.up();
      return check.down({
        pending,
        run: 'npm run migration:run (in a container: node dist/cli.js migrate)',
      });
    } catch (error) {
      if (error instanceof StorageUnavailableError) return check.down({ reason: 'unknown' });
      throw error;
    }
  }

  private keyringComplete(): HealthIndicatorResult {
    const check = this.indicator.check('keyring');
    return this.lifecycle.keyringChecked ? check.up() : check.down({ reason: 'not checked yet' });
  }

  private listening(): HealthIndicatorResult {
    const check = this.indicator.check('listeners');
    return this.lifecycle.listening ? check.up() : check.down();
  }
}
