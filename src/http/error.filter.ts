import { Catch } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../common/index.js';
import { sendError } from './error-manner.js';
import type { ErrorManner } from './error-manner.js';
import { toVaultError } from './problem.js';

/** Answers every error of a listener in its manner. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(
    private readonly log: Log,
    private readonly manner: ErrorManner,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const error = toVaultError(thrown);
    if (error.status === 500) {
      this.log.failure('http.failed', error.cause ?? error, {
        request_id: http.getRequest<FastifyRequest>().id,
      });
    }
    sendError(http.getResponse<FastifyReply>(), error, this.manner);
  }
}
