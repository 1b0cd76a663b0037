import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Log, VaultError } from '../common/index.js';

/** Codes and titles of the errors that the framework raises, by status. */
const BY_STATUS: Readonly<Record<number, readonly [code: string, title: string]>> = {
  400: ['invalid_request', 'Invalid request'],
  403: ['forbidden', 'Forbidden'],
  404: ['not_found', 'Not found'],
  405: ['method_not_allowed', 'Method not allowed'],
  408: ['request_timeout', 'Request timeout'],
  413: ['payload_too_large', 'Payload too large'],
  414: ['uri_too_long', 'URI too long'],
  415: ['unsupported_media_type', 'Unsupported media type'],
  431: ['header_fields_too_large', 'Header fields too large'],
};

/** Any error as a {@link VaultError}; one that nobody foresaw as a bare 500. */
export function toVaultError(error: unknown): VaultError {
  if (error instanceof VaultError) return error;
  const status =
    error instanceof HttpException
      ? error.getStatus()
      : Number((error as { statusCode?: unknown } | null)?.statusCode ?? 500);
  if (status >= 400 && status < 500) {
    const [code, title] = BY_STATUS[status] ?? ['invalid_request', 'Invalid request'];
    return new VaultError(status, code, title, `${title}.`, {
      cause: error,
      ...(status === 400 && { errors: { request: ['is malformed'] } }),
    });
  }
  return new VaultError(500, 'internal_error', 'Internal error', 'Something went wrong here.', {
    cause: error,
  });
}

/** The body of RFC 9457. `code` is the stable member; `type` spells it as a URN. */
export function problemDocument(error: VaultError): Record<string, unknown> {
  return {
    type: `urn:stitch-token-vault:problem:${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.message,
    code: error.code,
    ...error.extensions,
  };
}

/** Answers every error of the internal API as `application/problem+json` (RFC 9457). */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const error = toVaultError(thrown);
    if (error.status === 500) {
      this.log.failure('http.failed', error.cause ?? error, {
        request_id: http.getRequest<FastifyRequest>().id,
      });
    }
    sendProblem(http.getResponse<FastifyReply>(), error);
  }
}

/** Writes a problem document to the reply. */
export function sendProblem(reply: FastifyReply, error: VaultError): void {
  if (reply.sent) return;
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer');
  if (error.retryAfter !== undefined) void reply.header('retry-after', String(error.retryAfter));
  void reply
    .status(error.status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .send(JSON.stringify(problemDocument(error)));
}
