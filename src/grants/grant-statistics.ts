import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { StorageUnavailableError } from '../common/index.js';
import { Database } from '../database/index.js';
import { Metrics } from '../metrics/index.js';
import type { Sample } from '../metrics/index.js';

/** Counts over the whole table are reused for so long: several replicas are scraped. */
const REUSED_FOR_MS = 15_000;

interface Counts {
  readonly byStatus: readonly Sample[];
  readonly due: number;
  readonly dueAgeSeconds: number;
  readonly inDoubt: number;
}

const NONE: Counts = { byStatus: [], due: 0, dueAgeSeconds: 0, inDoubt: 0 };

/** Gauges about grants: what an operator looks at first. */
@Injectable()
export class GrantStatistics implements OnModuleInit {
  private counted: { atMs: number; counts: Promise<Counts> } | undefined;

  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauge(
      'stitch_vault_grants',
      'Grants by provider and status.',
      ['provider', 'status'],
      async () => (await this.counts()).byStatus,
    );
    this.metrics.value(
      'stitch_vault_due_grants',
      'Grants due for refresh and not taken yet.',
      async () => (await this.counts()).due,
    );
    this.metrics.value(
      'stitch_vault_due_age_seconds',
      'How long the oldest of them has been due.',
      async () => (await this.counts()).dueAgeSeconds,
    );
    this.metrics.value(
      'stitch_vault_in_doubt_grants',
      'Grants whose refresh token may have been used, answer lost.',
      async () => (await this.counts()).inDoubt,
    );
  }

  private counts(): Promise<Counts> {
    if (!this.counted || performance.now() - this.counted.atMs > REUSED_FOR_MS) {
      this.counted = { atMs: performance.now(), counts: this.count() };
    }
    return this.counted.counts;
  }

  private async count(): Promise<Counts> {
    try {
      const statuses = await this.database.query<{ provider: string; status: string; n: number }>(
        // What waits beside a grant that works awaits its confirmation as well.
        `SELECT provider, status, count(*)::int AS n FROM (
           SELECT provider, status FROM stitch_grants
           UNION ALL SELECT provider, 'awaiting_confirmation' FROM stitch_unconfirmed_grants
         ) grants GROUP BY provider, status`,
      );
      const [work] = await this.database.query<{ due: number; age: number | null; doubt: number }>(
        `SELECT count(*) FILTER (WHERE rotation_started_at IS NULL AND refresh_due_at <= now())::int AS due,
           extract(epoch FROM now() - min(refresh_due_at)
             FILTER (WHERE rotation_started_at IS NULL AND refresh_due_at <= now()))::numeric AS age,
           count(*) FILTER (WHERE rotation_started_at IS NOT NULL
             AND (lease_owner IS NULL OR lease_expires_at < now()))::int AS doubt
         FROM stitch_grants WHERE refresh_due_at <= now() OR rotation_started_at IS NOT NULL`,
      );
      return {
        byStatus: statuses.map(({ provider, status, n }) => ({
          labels: { provider, status },
          value: n,
        })),
        due: work?.due ?? 0,
        dueAgeSeconds: work?.age ?? 0,
        inDoubt: work?.doubt ?? 0,
      };
    } catch (error) {
      // The other metrics are wanted all the more while the database is away.
      if (error instanceof StorageUnavailableError) return NONE;
      throw error;
    }
  }
}
