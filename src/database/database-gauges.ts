import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Metrics } from '../metrics/index.js';
import { Database } from './database.js';

/** Gauges about the way to the database. */
@Injectable()
export class DatabaseGauges implements OnModuleInit {
  constructor(
    private readonly database: Database,
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
  }
}
