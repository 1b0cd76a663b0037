import type { FastifyReply } from 'fastify';
import type { VaultError } from '../common/index.js';

/** How an error is shown to a client. */
export interface ErrorAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How a listener answers errors: problem documents on the internal one, pages on the public one. */
export type ErrorRenderer = (error: VaultError) => ErrorAnswer;

/** Writes the answer to an error to the reply. */
export function sendError(
  reply: FastifyReply,
  error: VaultError,
  renderError: ErrorRenderer,
): void {
  if (reply.sent) return;
  if (error.retryAfter !== undefined) void reply.header('retry-after', String(error.retryAfter));
  const { headers, body } = renderError(error);
  void reply.status(error.status).headers(headers).send(body);
}
