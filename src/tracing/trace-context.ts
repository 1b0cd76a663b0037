import { randomBytes } from 'node:crypto';
import type { SamplerConfig } from '../config/index.js';

/** Where a span stands: its trace, itself, and whether it is told of. Ids in hexadecimal digits. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** `traceparent` (W3C Trace Context, section 3.2). @returns undefined for what is not one */
export function parseTraceparent(header: unknown): SpanContext | undefined {
  if (typeof header !== 'string') return undefined;
  const [, version, traceId = '', spanId = '', flags = '', rest = ''] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(header) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== '')) {
    return undefined;
  }
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 };
}

/** A new span under its parent, or at the root of a trace of its own. */
export function childOf(parent: SpanContext | undefined, sampler: SamplerConfig): SpanContext {
  const traceId = parent?.traceId ?? randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  return { traceId, spanId, sampled: isSampled(parent, traceId, sampler) };
}

/** Decided by the trace id, so that whoever decides by the same share decides the same. */
function isSampled(
  parent: SpanContext | undefined,
  traceId: string,
  { ratio, followsParent }: SamplerConfig,
): boolean {
  if (parent && followsParent) return parent.sampled;
  return parseInt(traceId.slice(-8), 16) < ratio * 0x1_0000_0000;
}
