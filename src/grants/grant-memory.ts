import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Database, DatabaseClock, History, Notifications } from '../database/index.js';
import { Journal } from '../journal/index.js';
import { grantKeyText } from './grant.js';
import { GrantStore } from './grant.store.js';
import { RestoreStore } from './restore.store.js';
import type { ConsentedGrant } from './restore.store.js';
import { UnconfirmedStore } from './unconfirmed.store.js';

const DELETION = 'deletion';
const CONFIRMATION = 'confirmation';

/**
 * Remembers deletions and confirmations, whoever made them, for as long as the journal does: a
 * database that went back in time is told of them again.
 */
@Injectable()
export class GrantMemory implements OnModuleInit {
  constructor(
    private readonly journal: Journal,
    private readonly notifications: Notifications,
    private readonly history: History,
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly grants: GrantStore,
    private readonly unconfirmed: UnconfirmedStore,
    private readonly restored: RestoreStore,
  ) {}

  onModuleInit(): void {
    this.notifications.on('grant', ([provider, userId, connection, what, grantId]) => {
      if (!provider || !userId || !connection || !grantId) return;
      const grant = { provider, userId, connection, grantId };
      if (what === 'deleted') void this.remember(DELETION, [grant]);
      if (what === 'confirmed') void this.remember(CONFIRMATION, [grant]);
    });
    // Before the caller is told: the notification may be lost together with the database.
    this.grants.onDeleted = (gone) => this.remember(DELETION, gone);
    this.history.onForgotten('consents', () => this.confirmAnew());
    this.history.onForgotten('deletions', () => this.restored.delete(this.remembered(DELETION)));
  }

  /** Remembers a confirmation before its caller is told of it. */
  confirmed(grant: ConsentedGrant): Promise<void> {
    return this.remember(CONFIRMATION, [grant]);
  }

  private async remember(kind: string, grants: readonly ConsentedGrant[]): Promise<void> {
    await Promise.all(
      grants.map(async (grant) => {
        const record = {
          kind,
          key: `${grantKeyText(grant)}\0${grant.grantId}`,
          version: 1,
          at: this.clock.now(),
          payload: JSON.stringify(grant),
        };
        this.journal.settle(await this.journal.append(record));
      }),
    );
  }

  private remembered(kind: string): ConsentedGrant[] {
    return this.journal.remembered(kind).flatMap(({ id }) => {
      const record = this.journal.read(id);
      return record ? [JSON.parse(record.payload) as ConsentedGrant] : [];
    });
  }

  private async confirmAnew(): Promise<number> {
    let count = 0;
    for (const { grantId, ...key } of this.remembered(CONFIRMATION)) {
      const confirmed = await this.database.transaction((query) =>
        this.unconfirmed.confirm(query, { id: grantId, ...key }),
      );
      if (confirmed) count += 1;
    }
    return count;
  }
}
