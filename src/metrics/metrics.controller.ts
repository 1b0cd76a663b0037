import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Open } from '../common/index.js';
import { Metrics } from './metrics.js';

@ApiTags('operations')
@Controller('metrics')
export class MetricsController {
  private reading: Promise<string> | undefined;

  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Open()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ summary: 'Metrics in the Prometheus text format' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  read(): Promise<string> {
    // Some are asked of the database: scrapers who ask together share one look at it.
    this.reading ??= this.metrics.registry.metrics().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }
}
