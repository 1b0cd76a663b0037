import { Controller, Get, Head, Res, ServiceUnavailableException } from '@nestjs/common';
import {
  ApiExcludeEndpoint,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { HealthCheckService } from '@nestjs/terminus';
import type {
  HealthCheckResult,
  HealthIndicatorFunction,
  HealthIndicatorResult,
} from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Open } from '../common/index.js';
import type { PartState } from '../common/index.js';
import { HealthDto } from './health.dto.js';
import { HealthWatch } from './health-watch.js';
import { Indicators } from './indicators.js';

@ApiTags('operations')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: Indicators,
    private readonly watch: HealthWatch,
  ) {}

  @Get('live')
  @Open()
  @ApiOperation({ summary: 'The process runs and answers' })
  @ApiOkResponse({ type: HealthDto })
  live(@Res() reply: FastifyReply): Promise<void> {
    return this.answer(reply, []);
  }

  @Get('ready')
  @Open()
  @ApiOperation({ summary: 'The process can do its work; otherwise which part is down' })
  @ApiOkResponse({ type: HealthDto })
  @ApiServiceUnavailableResponse({ type: HealthDto })
  ready(@Res() reply: FastifyReply): Promise<void> {
    return this.answer(reply, [...this.indicators.all(), ...this.neededParts()], this.otherParts());
  }

  // Many a monitor and load balancer asks by HEAD; a 404 would take every replica out of service.

  @Head('live')
  @Open()
  @ApiExcludeEndpoint()
  liveHead(@Res() reply: FastifyReply): Promise<void> {
    return this.live(reply);
  }

  @Head('ready')
  @Open()
  @ApiExcludeEndpoint()
  readyHead(@Res() reply: FastifyReply): Promise<void> {
    return this.ready(reply);
  }

  /** What was registered, as it was at the last look: nobody who asks waits for a part. */
  private neededParts(): HealthIndicatorFunction[] {
    return this.watch
      .seen()
      .filter(({ part }) => part.needed)
      .map(
        ({ part, state }) =>
          () =>
            shown(part.name, state),
      );
  }

  /** What is shown without deciding anything. */
  private otherParts(): Record<string, unknown> {
    const others = this.watch.seen().filter(({ part }) => !part.needed);
    return Object.assign({}, ...others.map(({ part, state }) => shown(part.name, state))) as Record<
      string,
      unknown
    >;
  }

  /** The check's own document, also when it fails: it says which part is down. */
  private async answer(
    reply: FastifyReply,
    checks: HealthIndicatorFunction[],
    others: Record<string, unknown> = {},
  ): Promise<void> {
    let result: HealthCheckResult;
    try {
      result = await this.health.check(checks);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      result = error.getResponse() as HealthCheckResult;
    }
    const { status, details } = result;
    void reply
      .status(status === 'ok' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status, details: { ...details, ...others } });
  }
}

const shown = (name: string, state: PartState): HealthIndicatorResult => ({
  [name]: state.up ? { status: 'up' } : { status: 'down', reason: state.reason },
});
