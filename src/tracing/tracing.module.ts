import { Global, Module } from '@nestjs/common';
import { Log } from '../common/index.js';
import { tracingConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { Metrics } from '../metrics/index.js';
import { NO_TRACING, Tracing } from './tracing.js';

/** Traces, where there is a collector to take them: nothing of it is loaded otherwise. */
@Global()
@Module({
  providers: [
    {
      provide: Tracing,
      inject: [tracingConfig.KEY, Log, Metrics],
      useFactory: async (
        { collector }: ConfigType<typeof tracingConfig>,
        log: Log,
        metrics: Metrics,
      ): Promise<Tracing> => {
        if (!collector) return NO_TRACING;
        const { Tracer } = await import('./tracer.js');
        const tracer = new Tracer(collector, log);
        metrics.count(
          'stitch_vault_spans_dropped_total',
          'Spans that the trace collector did not get.',
          () => tracer.dropped,
        );
        return tracer;
      },
    },
  ],
  exports: [Tracing],
})
export class TracingModule {}
