import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { StorageUnavailableError } from '../common/index.js';
import { Metrics } from '../metrics/index.js';
import { RevocationStore } from './revocation.store.js';

/** Counts over the whole table are reused for so long: several replicas are scraped. */
const REUSED_FOR_MS = 15_000;

/** Gauges about the outbox of tokens to revoke. */
@Injectable()
export class RevocationStatistics implements OnModuleInit {
  private counted: { atMs: number; backlog: ReturnType<RevocationStore['backlog']> } | undefined;

  constructor(
    private readonly store: RevocationStore,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.value(
      'stitch_vault_revocations_pending',
      'Tokens waiting to be revoked at the provider.',
      async () => (await this.backlog()).count,
    );
    this.metrics.value(
      'stitch_vault_revocations_age_seconds',
      'How long the oldest of them has waited.',
      async () => (await this.backlog()).age,
    );
  }

  private backlog(): ReturnType<RevocationStore['backlog']> {
    if (!this.counted || performance.now() - this.counted.atMs > REUSED_FOR_MS) {
      this.counted = { atMs: performance.now(), backlog: this.count() };
    }
    return this.counted.backlog;
  }

  private async count(): ReturnType<RevocationStore['backlog']> {
    try {
      return await this.store.backlog();
    } catch (error) {
      // The other metrics are wanted all the more while the database is away.
      if (error instanceof StorageUnavailableError) return { count: 0, age: 0 };
      throw error;
    }
  }
}
