import { acceptIf } from './environment-reader.js';
import type { EnvironmentReader } from './environment-reader.js';
import { defineNamespace } from './namespace.js';

/** Which traces that nobody else began are kept, and whether a caller's decision is followed. */
export interface SamplerConfig {
  /** Share of traces, 0 to 1. */
  readonly ratio: number;
  readonly followsParent: boolean;
}

/** Where spans are sent. */
export interface CollectorConfig {
  /** The whole URL for traces. */
  readonly url: string;
  /** Sent with each request. May hold a secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Of the process, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: SamplerConfig;
  /** Spans that wait at most, spans of one request, and the time between two requests. */
  readonly queue: number;
  readonly batch: number;
  readonly delayMs: number;
}

export interface TracingConfig {
  /** Undefined: no traces. */
  readonly collector: CollectorConfig | undefined;
}

const URL_EXPECTED = 'an http or https URL';
const PAIRS = 'key=value pairs, percent-encoded, separated by commas';
const SAMPLERS: Readonly<Record<string, (ratio: number) => SamplerConfig>> = {
  always_on: () => ({ ratio: 1, followsParent: false }),
  always_off: () => ({ ratio: 0, followsParent: false }),
  traceidratio: (ratio) => ({ ratio, followsParent: false }),
  parentbased_always_on: () => ({ ratio: 1, followsParent: true }),
  parentbased_always_off: () => ({ ratio: 0, followsParent: true }),
  parentbased_traceidratio: (ratio) => ({ ratio, followsParent: true }),
};

/** The standard variables of OpenTelemetry (its specification, "Environment Variables"). */
export const tracingConfig = defineNamespace('tracing', (reader): TracingConfig => {
  const url = collectorUrl(reader);
  const headers = {
    ...pairs(reader, 'OTEL_EXPORTER_OTLP_HEADERS'),
    ...pairs(reader, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'),
  };
  const name = reader.text('OTEL_SERVICE_NAME');
  const resource = {
    'service.name': 'stitch-token-vault',
    ...pairs(reader, 'OTEL_RESOURCE_ATTRIBUTES'),
    ...(name === undefined ? {} : { 'service.name': name }),
  };
  const timeoutMs = reader.integer('OTEL_EXPORTER_OTLP_TIMEOUT', 10_000, 1, 600_000);
  const queue = reader.integer('OTEL_BSP_MAX_QUEUE_SIZE', 2048, 1, 100_000);
  const collector = {
    headers,
    resource,
    sampler: sampler(reader),
    timeoutMs: reader.integer('OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', timeoutMs, 1, 600_000),
    queue,
    batch: Math.min(queue, reader.integer('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512, 1, 10_000)),
    delayMs: reader.integer('OTEL_BSP_SCHEDULE_DELAY', 5000, 1, 600_000),
  };
  const off =
    reader.text('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' ||
    reader.text('OTEL_TRACES_EXPORTER') === 'none';
  return { collector: url === undefined || off ? undefined : { url, ...collector } };
});

/** The variable for traces is taken as it is; the one for all signals is the base of a path. */
function collectorUrl(reader: EnvironmentReader): string | undefined {
  const parse = (text: string) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return acceptIf(text, /^https?:$/.test(url?.protocol ?? '') && !url?.username);
  };
  const base = reader.parse<string | undefined>(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    URL_EXPECTED,
    undefined,
    parse,
  );
  const own = reader.parse<string | undefined>(
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    URL_EXPECTED,
    undefined,
    parse,
  );
  return own ?? (base === undefined ? undefined : `${base.replace(/\/+$/, '')}/v1/traces`);
}

function pairs(reader: EnvironmentReader, name: string): Record<string, string> {
  return reader.parse<Record<string, string>>(name, PAIRS, {}, (text) =>
    Object.fromEntries(
      text.split(',').map((pair) => {
        const [key = '', ...rest] = pair.split('=');
        const value = decode(rest.join('=').trim());
        acceptIf(pair, rest.length > 0 && /^[\w!#$%&'*+.^`|~-]+$/.test(key.trim()), PAIRS);
        return [key.trim(), acceptIf(value, /^[\x20-\x7e]*$/.test(value), PAIRS)];
      }),
    ),
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function sampler(reader: EnvironmentReader): SamplerConfig {
  const expected = `one of ${Object.keys(SAMPLERS).join(', ')}`;
  const ratio = reader.parse('OTEL_TRACES_SAMPLER_ARG', 'a number from 0 to 1', 1, (text) =>
    acceptIf(Number(text), Number(text) >= 0 && Number(text) <= 1),
  );
  return reader.parse(
    'OTEL_TRACES_SAMPLER',
    expected,
    { ratio: 1, followsParent: true },
    (text) => {
      const make = Object.hasOwn(SAMPLERS, text) ? SAMPLERS[text] : undefined;
      acceptIf(text, make !== undefined, expected);
      return make?.(ratio) ?? { ratio: 1, followsParent: true };
    },
  );
}
