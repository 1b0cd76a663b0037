import type { Metric, Registry } from 'prom-client';

/** Upper ends of the buckets, in seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 2.5, 5, 10];
const NAME = 'stitch_vault_http_request_seconds';

/** A line of the text format. */
interface Value {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** What was counted of one route and status. */
class Durations {
  /** By bucket, and what is beyond the last one. Each request is in one of them. */
  private readonly counts = new Array<number>(BUCKETS.length + 1).fill(0);
  private sum = 0;

  constructor(private readonly labels: Readonly<Record<string, string>>) {}

  observe(seconds: number): void {
    let bucket = 0;
    while (seconds > (BUCKETS[bucket] ?? Infinity)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += seconds;
  }

  /** As Prometheus wants it: a bucket counts everything below its end. */
  values(): Value[] {
    let total = 0;
    const buckets = this.counts.map((count, bucket) => {
      total += count;
      const labels = { ...this.labels, le: BUCKETS[bucket] ?? '+Inf' };
      return { metricName: `${NAME}_bucket`, labels, value: total };
    });
    return [
      ...buckets,
      { metricName: `${NAME}_sum`, labels: this.labels, value: this.sum },
      { metricName: `${NAME}_count`, labels: this.labels, value: total },
    ];
  }
}

/**
 * The histogram of requests, counted in arrays: prom-client sorts and joins the labels at every
 * observation, which costs more than a read from memory. What Prometheus gets is the same.
 */
export class RequestDurations {
  readonly name = NAME;
  readonly help = 'Duration of HTTP requests by route and status.';
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  private readonly routes = new Map<string, Map<number, Durations>>();

  constructor(registry: Registry) {
    // Of a metric the registry needs its description and `get`.
    registry.registerMetric(this as unknown as Metric);
  }

  /** @param route the pattern, never the URL */
  count(route: string, status: number, seconds: number): void {
    let statuses = this.routes.get(route);
    if (!statuses) this.routes.set(route, (statuses = new Map<number, Durations>()));
    let durations = statuses.get(status);
    if (!durations) {
      durations = new Durations({ route, status: String(status) });
      statuses.set(status, durations);
    }
    durations.observe(seconds);
  }

  /** What prom-client makes text of. */
  get() {
    const { name, help, type, aggregator } = this;
    const all = [...this.routes.values()].flatMap((statuses) => [...statuses.values()]);
    return { name, help, type, aggregator, values: all.flatMap((each) => each.values()) };
  }
}
