import { Global, Injectable, Module } from '@nestjs/common';
import { Log } from '../common/index.js';
import { Metrics } from './metrics.js';
import { MetricsController } from './metrics.controller.js';

/** What the log says of itself. */
@Injectable()
class LogCounter {
  constructor(metrics: Metrics, log: Log) {
    metrics.count(
      'stitch_vault_log_lines_dropped_total',
      'Log lines that could not be written.',
      () => log.dropped,
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
