import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';
import type { DestinationStream, Logger as Pino } from 'pino';
import { describeError, redact } from './redaction.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a log line may carry: identifiers, counts and durations. Never a token or a URL. */
export type LogFields = Record<string, string | number | boolean | null | undefined | string[]>;

/**
 * Structured JSON logs, one event a line, each with a stable `event` name to alert on. Also
 * NestJS's own logger, whose free text is redacted.
 */
export class Log implements LoggerService {
  private readonly pino: Pino;

  constructor(level: LogLevel = 'info', destination?: DestinationStream) {
    const options = { level, base: { service: 'stitch-token-vault' }, messageKey: 'message' };
    this.pino = destination ? pino(options, destination) : pino(options);
  }

  event(level: 'debug' | 'info' | 'warn' | 'error', event: string, fields: LogFields = {}): void {
    // Each request has an event at `debug`: nothing is put together for one that is not written.
    if (this.pino.isLevelEnabled(level)) this.pino[level]({ event, ...fields });
  }

  /** An error that nobody expected: kind and redacted message, with its stack frames. */
  failure(event: string, error: unknown, fields: LogFields = {}): void {
    const frames =
      error instanceof Error
        ? (error.stack ?? '').split('\n').filter((l) => /^\s+at /.test(l))
        : [];
    this.pino.error({ event, ...fields, error: describeError(error), stack: frames.slice(0, 8) });
  }

  log(message: unknown, context?: unknown): void {
    this.nest('trace', message, context);
  }

  debug(message: unknown, context?: unknown): void {
    this.nest('trace', message, context);
  }

  verbose(message: unknown, context?: unknown): void {
    this.nest('trace', message, context);
  }

  warn(message: unknown, context?: unknown): void {
    this.nest('warn', message, context);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.nest('error', message, rest.at(-1));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.nest('error', message, rest.at(-1));
  }

  private nest(level: 'trace' | 'warn' | 'error', message: unknown, context: unknown) {
    const text =
      message instanceof Error ? describeError(message).message : redact(String(message));
    this.pino[level]({
      event: 'nest',
      context: typeof context === 'string' ? redact(context) : '',
      detail: text,
    });
  }
}
