import { Agent, request } from 'undici';
import type { Log } from '../common/index.js';
import type { CollectorConfig } from '../config/index.js';
import { toRequest } from './otlp.js';
import type { EndedSpan } from './otlp.js';

/** Milliseconds between two complaints. */
const COMPLAIN_EVERY_MS = 60_000;

/**
 * Sends spans to a collector, a batch at a time and one request at a time. Nobody waits for it: what
 * comes while the queue is full, and what the collector does not take, is dropped and counted.
 */
export class SpanExporter {
  /** Spans that no collector got. */
  dropped = 0;

  private waiting: EndedSpan[] = [];
  private sending: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private complainedAt = -Infinity;
  private readonly agent = new Agent({ connections: 1, connectTimeout: 5000 });
  private readonly ended = new AbortController();

  constructor(
    private readonly collector: CollectorConfig,
    private readonly log: Log,
  ) {}

  add(span: EndedSpan): void {
    if (this.ended.signal.aborted || this.waiting.length >= this.collector.queue) {
      this.dropped += 1;
      return;
    }
    this.waiting.push(span);
    if (this.waiting.length >= this.collector.batch) void this.send();
    else
      this.timer ??= setTimeout(() => {
        void this.send();
      }, this.collector.delayMs).unref();
  }

  /** Sends what is left, for so many milliseconds at most, and then nothing more. */
  async close(patienceMs: number): Promise<void> {
    const late = setTimeout(() => {
      this.ended.abort();
    }, patienceMs);
    await this.send();
    clearTimeout(late);
    this.ended.abort();
    this.dropped += this.waiting.length;
    this.waiting = [];
    await this.agent.destroy();
  }

  private send(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.sending ??= this.sendAll().finally(() => {
      this.sending = undefined;
    });
    return this.sending;
  }

  private async sendAll(): Promise<void> {
    while (this.waiting.length > 0 && !this.ended.signal.aborted) {
      const batch = this.waiting.splice(0, this.collector.batch);
      const problem = await this.post(toRequest(this.collector.resource, batch));
      if (problem === undefined) continue;
      this.dropped += batch.length;
      this.complain(problem);
    }
  }

  /** @returns what went wrong */
  private async post(body: string): Promise<string | undefined> {
    const { url, headers, timeoutMs } = this.collector;
    try {
      const answer = await request(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        dispatcher: this.agent,
        signal: AbortSignal.any([this.ended.signal, AbortSignal.timeout(timeoutMs)]),
      });
      await answer.body.dump();
      return answer.statusCode < 300 ? undefined : `http_${String(answer.statusCode)}`;
    } catch (error) {
      const { code, name } = error as { code?: unknown; name: string };
      return typeof code === 'string' && /^[A-Z_]{2,60}$/.test(code) ? code : name;
    }
  }

  private complain(reason: string): void {
    if (performance.now() - this.complainedAt < COMPLAIN_EVERY_MS) return;
    this.complainedAt = performance.now();
    this.log.event('warn', 'tracing.not_sent', { reason, dropped: this.dropped });
  }
}
