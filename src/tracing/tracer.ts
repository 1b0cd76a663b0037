import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Log, Span, SpanAttributes, Trace } from '../common/index.js';
import type { CollectorConfig } from '../config/index.js';
import type { EndedSpan } from './otlp.js';
import { SpanExporter } from './span-exporter.js';
import { childOf, parseTraceparent } from './trace-context.js';
import type { SpanContext } from './trace-context.js';
import type { Tracing } from './tracing.js';

/** Milliseconds that a stop gives the collector. */
const LAST_SPANS_MS = 500;

/** Milliseconds since the epoch; steps of the machine's clock do not show within a span. */
const now = (): number => performance.timeOrigin + performance.now();

/** Traces of this process, sent to a collector. */
export class Tracer implements Tracing {
  private readonly current = new AsyncLocalStorage<SpanContext>();
  private readonly requests = new WeakMap<FastifyRequest, OpenSpan>();
  private readonly exporter: SpanExporter;

  constructor(
    private readonly collector: CollectorConfig,
    log: Log,
  ) {
    this.exporter = new SpanExporter(collector, log);
  }

  get dropped(): number {
    return this.exporter.dropped;
  }

  readonly trace: Trace = async <T>(
    name: string,
    attributes: SpanAttributes,
    work: (span: Span) => Promise<T>,
  ): Promise<T> => {
    const kind = 'server.address' in attributes ? 'client' : 'internal';
    const span = this.open(name, kind, this.current.getStore(), attributes);
    try {
      return await this.current.run(span.context, () => work(span));
    } catch (error) {
      span.failed = true;
      throw error;
    } finally {
      this.end(span);
    }
  };

  attach(instance: FastifyInstance, callersAreKnown: boolean): void {
    instance.addHook('onRequest', (request, _reply, done) => {
      const { traceparent } = request.headers;
      const parent = callersAreKnown ? parseTraceparent(traceparent) : undefined;
      const span = this.open(request.method, 'server', parent, {
        'http.request.method': request.method,
      });
      this.requests.set(request, span);
      this.current.run(span.context, done);
    });
    // Reading a body leaves the context of the hook above.
    instance.addHook('preValidation', (request, _reply, done) => {
      const span = this.requests.get(request);
      if (span) this.current.run(span.context, done);
      else done();
    });
    instance.addHook('onResponse', (request, reply, done) => {
      const span = this.requests.get(request);
      if (span) {
        const route = request.routeOptions.url ?? 'none';
        span.name = `${request.method} ${route}`;
        span.set('http.route', route);
        span.set('http.response.status_code', reply.statusCode);
        span.failed = reply.statusCode >= 500;
        this.end(span);
      }
      done();
    });
  }

  close(): Promise<void> {
    return this.exporter.close(LAST_SPANS_MS);
  }

  private open(
    name: string,
    kind: EndedSpan['kind'],
    parent: SpanContext | undefined,
    attributes: SpanAttributes,
  ): OpenSpan {
    const context = childOf(parent, this.collector.sampler);
    return new OpenSpan(context, parent?.spanId, name, kind, { ...attributes });
  }

  private end(span: OpenSpan): void {
    if (span.context.sampled) this.exporter.add(span.ended());
  }
}

class OpenSpan implements Span {
  failed = false;
  private readonly startedAt = now();

  constructor(
    readonly context: SpanContext,
    private readonly parentId: string | undefined,
    public name: string,
    private readonly kind: EndedSpan['kind'],
    private readonly attributes: Record<string, string | number>,
  ) {}

  set(name: string, value: string | number): void {
    this.attributes[name] = value;
  }

  ended(): EndedSpan {
    const { context, parentId, name, kind, startedAt, failed, attributes } = this;
    return { ...context, parentId, name, kind, startedAt, endedAt: now(), failed, attributes };
  }
}
