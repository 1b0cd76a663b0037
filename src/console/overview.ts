import { added } from './sample.js';
import type { Counts, ProviderSample, Sample } from './sample.js';

/** A sample with whose it is and of which minute (milliseconds since the epoch). */
export interface PlacedSample {
  readonly minute: number;
  readonly process: string;
  readonly sample: Sample;
}

/** Milliseconds without a sample after which a process is missed: it writes every 15 s. */
const MISSED_MS = 45_000;
/**
 * Milliseconds for which a missed process is shown. After that it was replaced, or operators know.
 */
const SHOWN_MS = 600_000;
const MINUTE_MS = 60_000;

/** All replicas together, in one minute. */
interface Minute {
  readonly minute: string;
  readonly rotations: Counts;
  readonly life_left: Counts;
  readonly due: number;
  readonly due_age_seconds: number;
}

/** What the console shows at its first glance. */
export interface Overview {
  readonly now: string;
  readonly replicas: readonly {
    readonly process: string;
    readonly host: string;
    readonly version: string;
    readonly started_at: string;
    readonly parts_down: readonly string[];
    /** Seconds since it was last heard of; null while it is heard of as often as it should be. */
    readonly silent_seconds: number | null;
  }[];
  readonly grants: Sample['grants'];
  readonly providers: Readonly<Record<string, ProviderSample>>;
  readonly refresh_paused: boolean;
  readonly due: number;
  readonly due_age_seconds: number;
  readonly in_doubt: number;
  readonly in_hand: number;
  readonly minutes: readonly Minute[];
}

/**
 * Makes one picture of what all replicas wrote. Of what each one sees for itself the worst counts:
 * a provider that is out of reach for one replica is worth a look.
 *
 * @param samples in the order of their minutes
 * @param now milliseconds since the epoch, of the database's clock
 */
export function overviewOf(samples: readonly PlacedSample[], now: number): Overview {
  const newest = new Map(samples.map((placed) => [placed.process, placed]));
  const shown = [...newest.values()]
    .map((placed) => ({ ...placed, silentMs: now - seenAt(placed) }))
    .filter((placed, _, all) => placed.silentMs < MISSED_MS || isMissed(placed, all))
    .filter(({ sample }) => sample.ended !== true);
  // What a process that is missed said last is no longer so.
  const present = shown.filter(({ silentMs }) => silentMs < MISSED_MS).map(({ sample }) => sample);
  const worst = (value: (sample: Sample) => number) => Math.max(0, ...present.map(value));
  return {
    now: new Date(now).toISOString(),
    replicas: shown
      .map(({ process, silentMs, sample: { host, version, started_at, parts_down } }) => ({
        ...{ process, host, version, started_at, parts_down },
        silent_seconds: silentMs < MISSED_MS ? null : Math.round(silentMs / 1000),
      }))
      .sort((one, other) => one.host.localeCompare(other.host)),
    // Counted in the database: the same for all, but for one that could not count.
    grants: present.find(({ grants }) => Object.keys(grants).length > 0)?.grants ?? {},
    providers: worstProviders(present),
    refresh_paused: present.some((sample) => sample.refresh_paused),
    due: worst(({ due }) => due),
    due_age_seconds: worst((sample) => sample.due_age_seconds),
    in_doubt: worst((sample) => sample.in_doubt),
    in_hand: present.reduce((sum, sample) => sum + sample.in_hand, 0),
    minutes: minutesOf(samples),
  };
}

type HeardSample = PlacedSample & { readonly silentMs: number };

/**
 * Whether somebody has to look for a process that is silent. Not when another one took its place on
 * its host, and not when its version did not yet say that it ended.
 */
function isMissed(silent: HeardSample, all: readonly HeardSample[]): boolean {
  const { host, seen_at } = silent.sample;
  if (seen_at === undefined || silent.silentMs >= SHOWN_MS) return false;
  return !all.some(
    ({ sample, silentMs }) =>
      silentMs < MISSED_MS && sample.host === host && sample.started_at > seen_at,
  );
}

/** Milliseconds since the epoch. */
const seenAt = ({ minute, sample: { seen_at } }: PlacedSample): number =>
  seen_at === undefined ? minute + MINUTE_MS : Date.parse(seen_at);

function worstProviders(samples: readonly Sample[]): Record<string, ProviderSample> {
  const worst: Record<string, ProviderSample> = {};
  for (const [name, { breaker, suspected }] of samples.flatMap(({ providers }) =>
    Object.entries(providers),
  )) {
    worst[name] = {
      breaker: Math.max(breaker, worst[name]?.breaker ?? 0),
      suspected: suspected || (worst[name]?.suspected ?? false),
    };
  }
  return worst;
}

function minutesOf(samples: readonly PlacedSample[]): Minute[] {
  const byMinute = new Map<number, Sample[]>();
  for (const { minute, sample } of samples) {
    const there = byMinute.get(minute);
    if (there) there.push(sample);
    else byMinute.set(minute, [sample]);
  }
  return [...byMinute].map(([minute, all]) => ({
    minute: new Date(minute).toISOString(),
    rotations: added(...all.map(({ rotations }) => rotations)),
    life_left: added(...all.map(({ life_left }) => life_left)),
    due: Math.max(...all.map(({ due }) => due)),
    due_age_seconds: Math.max(...all.map(({ due_age_seconds }) => due_age_seconds)),
  }));
}
