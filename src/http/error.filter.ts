import { Catch } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../common/index.js';
import { sendError } from './error-renderer.js';
import type { ErrorRenderer } from './error-renderer.js';
import { toVaultError } from './problem.js';

/** Answers every error of a listener, with its renderer. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(
    private readonly log: Log,
    private readonly renderError: ErrorRenderer,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const error = toVaultError(thrown);
    if (error.status === 500) {
      this.log.failure('http.failed', error.cause ?? error, {
        request_id: http.getRequest<FastifyRequest>().id,
      });
    }
    sendError(http.getResponse<FastifyReply>(), error, this.renderError);
  }
}
