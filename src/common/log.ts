import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';
import type { Logger as Pino } from 'pino';
import type { LogEvent } from './log-events.js';
import { LogOutput } from './log-output.js';
import { describeError, redact } from './redaction.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a log line may carry: identifiers, counts and durations. Never a token or a URL. */
export type LogFields = Record<string, string | number | boolean | null | undefined | string[]>;

/** Where the lines go. What has no `flush` has written a line when `write` returns. */
export interface LogDestination {
  write(line: string): void;
  /** Waits until everything is written, and no longer than this. */
  flush?(milliseconds: number): Promise<void>;
  /** Lines dropped since the start. */
  readonly dropped?: number;
}

/** Standard output. */
const STDOUT = 1;

/**
 * Structured JSON logs, one event a line, each with a stable `event` name to alert on. Also
 * NestJS's own logger, whose free text is redacted.
 */
export class Log implements LoggerService {
  private readonly pino: Pino;

  private readonly destination: LogDestination;

  constructor(level: LogLevel = 'info', destination?: LogDestination) {
    const options = { level, base: { service: 'stitch-token-vault' }, messageKey: 'message' };
    this.destination = destination ?? new LogOutput(STDOUT, droppedLine);
    this.pino = pino(options, this.destination);
  }

  /** Lines that were dropped because whatever reads them did not keep up. */
  get dropped(): number {
    return this.destination.dropped ?? 0;
  }

  /** Waits until every line is written, and no longer than this: for the end of a process. */
  async flush(milliseconds: number): Promise<void> {
    await this.destination.flush?.(milliseconds);
  }

  /** Whether events of this level are written at all. */
  writes(level: 'debug' | 'info' | 'warn' | 'error'): boolean {
    return this.pino.isLevelEnabled(level);
  }

  event(level: 'debug' | 'info' | 'warn' | 'error', event: LogEvent, fields: LogFields = {}): void {
    // Each request has an event at `debug`: nothing is put together for one that is not written.
    if (this.pino.isLevelEnabled(level)) this.pino[level]({ event, ...fields });
  }

  /** An error that nobody expected: kind and redacted message, with its stack frames. */
  failure(event: LogEvent, error: unknown, fields: LogFields = {}): void {
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

/** The line that stands in the log where lines are missing. */
function droppedLine(count: number): string {
  let line = '';
  const log = new Log('warn', { write: (text) => void (line = text) });
  log.event('warn', 'log.dropped', { count });
  return line;
}
