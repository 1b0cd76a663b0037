import type { SpanContext } from './trace-context.js';

/** A span that has ended. Times in milliseconds since the epoch, with fractions. */
export interface EndedSpan extends SpanContext {
  readonly parentId: string | undefined;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client';
  readonly startedAt: number;
  readonly endedAt: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, string | number>>;
}

const KINDS = { internal: 1, server: 2, client: 3 } as const;
const FAILED = 2;

const attributesOf = (values: Readonly<Record<string, string | number>>) =>
  Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));

const nanoseconds = (ms: number): string => String(BigInt(Math.round(ms * 1000)) * 1000n);

/** The body of a request to a collector: OTLP/HTTP in its JSON encoding. */
export function toRequest(
  resource: Readonly<Record<string, string>>,
  spans: readonly EndedSpan[],
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [
          {
            scope: { name: 'stitch-token-vault' },
            spans: spans.map((span) => ({
              traceId: span.traceId,
              spanId: span.spanId,
              ...(span.parentId === undefined ? {} : { parentSpanId: span.parentId }),
              name: span.name,
              kind: KINDS[span.kind],
              startTimeUnixNano: nanoseconds(span.startedAt),
              endTimeUnixNano: nanoseconds(span.endedAt),
              attributes: attributesOf(span.attributes),
              status: span.failed ? { code: FAILED } : {},
            })),
          },
        ],
      },
    ],
  });
}
