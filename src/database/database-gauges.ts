import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Metrics } from '../metrics/index.js';
import { DatabaseClock } from './database-clock.js';
import { Database } from './database.js';
import { History } from './history.js';

/** Gauges about the way to the database. */
@Injectable()
export class DatabaseGauges implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly history: History,
    private readonly clock: DatabaseClock,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    const pool = (state: string, value: number) => ({ labels: { state }, value });
    this.metrics.gauge(
      'stitch_vault_database_connections',
      'Connections of the pool by state.',
      ['state'],
      () => {
        const { total, idle, waiting } = this.database.pool;
        return [pool('open', total), pool('idle', idle), pool('waited_for', waiting)];
      },
    );
    this.metrics.value('stitch_vault_database_up', 'Whether the database answers.', () =>
      Number(this.database.available),
    );
    this.metrics.value(
      'stitch_vault_database_went_back',
      'Times the database had forgotten something.',
      () => this.history.timesWentBack,
    );
    this.metrics.value(
      'stitch_vault_database_clock_steps',
      "Steps of the database's clock.",
      () => this.clock.stepsSeen,
    );
    this.metrics.value(
      'stitch_vault_refresh_paused',
      "Whether the database's history keeps refresh tokens from being presented.",
      () => Number(this.history.paused !== undefined),
    );
  }
}
