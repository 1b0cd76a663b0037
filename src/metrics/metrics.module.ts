import { Global, Injectable, Module } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Log } from '../common/index.js';
import { Metrics } from './metrics.js';
import { MetricsController } from './metrics.controller.js';

/** Counts what the log could not write. It is here because the log itself knows nothing of metrics. */
@Injectable()
class LogCounter implements OnModuleInit {
  constructor(
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.metrics.count(
      'stitch_vault_log_lines_dropped_total',
      'Log lines that could not be written.',
      () => this.log.dropped,
    );
  }
}

/** Prometheus metrics, on the internal listener. */
@Global()
@Module({
  controllers: [MetricsController],
  providers: [LogCounter, Metrics],
  exports: [Metrics],
})
export class MetricsModule {}
