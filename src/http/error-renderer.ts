import type { FastifyReply } from 'fastify';
import type { VaultError } from '../common/index.js';

/** Of every answer: what it is said to be is what it is (ASVS 5.0, 3.2.1). */
export const NO_SNIFFING = { 'x-content-type-options': 'nosniff' } as const;

/** How an error is shown to a client. */
export interface ErrorAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How a listener answers errors: problem documents on the internal one, pages on the public one. */
export type ErrorRenderer = (error: VaultError) => ErrorAnswer;

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of the problem that the request was answered with, if it was. */
    problemCode?: string;
  }
}

/** Writes the answer to an error to the reply. */
export function sendError(
  reply: FastifyReply,
  error: VaultError,
  renderError: ErrorRenderer,
): void {
  if (reply.sent) return;
  reply.request.problemCode = error.code;
  if (error.retryAfter !== undefined) void reply.header('retry-after', String(error.retryAfter));
  const { headers, body } = renderError(error);
  // An error of the router itself comes before any hook.
  void reply.status(error.status).headers(NO_SNIFFING).headers(headers).send(body);
}
