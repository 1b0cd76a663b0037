import { Inject, Injectable } from '@nestjs/common';
import { StorageUnavailableError } from '../common/index.js';
import { GrantStore, grantKeyText } from '../grants/index.js';
import type { Grant, GrantKey } from '../grants/index.js';

/** Statements under way at most: a part of the pool, so that misses leave room for all else. */
const STATEMENTS = 4;
/** Rows that one statement reads at most. */
const BATCH = 100;

interface Waiting {
  readonly key: GrantKey;
  readonly resolve: (grant: Grant | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Loads rows for readers. A load is sent at once while few are under way. Later ones wait until a
 * statement has ended, and share the next one. No load joins a statement that was sent before the
 * load was asked for: a row is never older than the question.
 */
@Injectable()
export class GrantLoads {
  private waiting: Waiting[] = [];
  private underWay = 0;

  constructor(@Inject(GrantStore) private readonly store: Pick<GrantStore, 'load' | 'loadMany'>) {}

  /** @returns undefined where there is no such grant @throws StorageUnavailableError */
  load(key: GrantKey): Promise<Grant | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ key, resolve, reject });
      if (this.underWay < STATEMENTS) void this.work();
    });
  }

  private async work(): Promise<void> {
    this.underWay += 1;
    while (this.waiting.length > 0) await this.send(this.waiting.splice(0, BATCH));
    this.underWay -= 1;
  }

  private async send(batch: readonly Waiting[]): Promise<void> {
    try {
      const [first] = batch;
      if (batch.length === 1 && first) first.resolve(await this.store.load(first.key));
      else await this.sendMany(batch);
    } catch (error) {
      // Without the database, or with the table locked, those that wait would wait as long again.
      if (error instanceof StorageUnavailableError)
        fail([...batch, ...this.waiting.splice(0)], error);
      else if (batch.length === 1) fail(batch, error);
      // It may be the fault of one of them.
      else for (const each of batch) await this.send([each]);
    }
  }

  private async sendMany(batch: readonly Waiting[]): Promise<void> {
    const grants = await this.store.loadMany(batch.map(({ key }) => key));
    const found = new Map(grants.map((grant) => [grantKeyText(grant), grant]));
    for (const { key, resolve } of batch) resolve(found.get(grantKeyText(key)));
  }
}

function fail(batch: readonly Waiting[], error: unknown): void {
  for (const { reject } of batch) reject(error);
}
