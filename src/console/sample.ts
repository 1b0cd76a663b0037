/** How many, by name. */
export type Counts = Record<string, number>;

/** A provider as one process sees it. */
export interface ProviderSample {
  /** Circuit breaker: 0 closed, 1 half open, 2 open. */
  readonly breaker: number;
  /** Whether its refusals are not believed, so that one probe at a time is sent. */
  readonly suspected: boolean;
}

/** What one process counted in one minute, and how it was at the end of it. No user, no secret. */
export interface Sample {
  readonly host: string;
  readonly version: string;
  /** RFC 3339. */
  readonly started_at: string;
  /** When this was written, by the database's clock, RFC 3339. Versions before this one did not say. */
  readonly seen_at?: string;
  /** Whether the process ended in order after this. */
  readonly ended?: boolean;
  /** Ended rotation attempts of this minute by outcome. */
  readonly rotations: Counts;
  /** Rotations of this minute by seconds of life left: cumulative, by the bucket's upper end. */
  readonly life_left: Counts;
  readonly due: number;
  readonly due_age_seconds: number;
  readonly in_doubt: number;
  readonly in_hand: number;
  readonly providers: Readonly<Record<string, ProviderSample>>;
  readonly refresh_paused: boolean;
  readonly parts_down: readonly string[];
  /** Grants by status, by provider. */
  readonly grants: Readonly<Record<string, Counts>>;
}

/** One value of a metric, as the registry has it. */
export interface MetricValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly value: number;
}

/** Sums values by a label. */
export function sumBy(values: readonly MetricValue[], label: string): Counts {
  const sums: Counts = {};
  for (const { labels, value } of values) {
    const name = String(labels[label] ?? '');
    sums[name] = (sums[name] ?? 0) + value;
  }
  return sums;
}

/** The buckets alone of a histogram, summed by their upper end. */
export const bucketsOf = (values: readonly MetricValue[]): Counts =>
  sumBy(
    values.filter(({ metricName }) => metricName?.endsWith('_bucket')),
    'le',
  );

/** What counters grew by. What is new has grown from 0. */
export const grown = (now: Counts, before: Counts): Counts =>
  Object.fromEntries(
    Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  );

/** Adds up counts by name. */
export function added(...all: readonly Counts[]): Counts {
  const sums: Counts = {};
  for (const [name, count] of all.flatMap((counts) => Object.entries(counts))) {
    sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}
