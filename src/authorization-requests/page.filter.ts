import { Catch } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Log } from '../common/index.js';
import { toVaultError } from '../http/index.js';
import { PAGE_HEADERS } from './pages.js';
import type { Pages } from './pages.js';

/** Answers every error of the public listener with a plain page that says no more than it must. */
@Catch()
export class PageFilter implements ExceptionFilter {
  constructor(
    private readonly log: Log,
    private readonly pages: Pages,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const error = toVaultError(thrown);
    if (error.status === 500) {
      this.log.failure('http.failed', error.cause ?? error, {
        request_id: http.getRequest<FastifyRequest>().id,
      });
    }
    sendErrorPage(http.getResponse<FastifyReply>(), this.pages, error.status, error.retryAfter);
  }
}

/** Writes an error page to the reply. `retryAfter` in seconds. */
export function sendErrorPage(
  reply: FastifyReply,
  pages: Pages,
  status: number,
  retryAfter?: number,
): void {
  if (reply.sent) return;
  if (retryAfter !== undefined) void reply.header('retry-after', String(retryAfter));
  void reply.status(status).headers(PAGE_HEADERS).send(pages.error(status));
}
