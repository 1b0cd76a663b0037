/**
 * Grants whose refresh tokens may have been spent for nothing since a call in order, counted for all
 * replicas together: from so many on a provider is asked with caution. No user has a part in two of them
 * with nobody served in between.
 */
export const CAUTION_FROM = 2;
/**
 * Grants given up by all replicas together, with none in order between, that are tried once more when one
 * is: each replica alone may have heard too few refusals to disbelieve them.
 */
export const SUSPICIOUS = 2;
/**
 * Milliseconds that pass before the token of another well grant is presented, when two, three, four, or
 * five and more may have been spent. What is in doubt already can be presented again at no cost, so this
 * holds up nothing but what can be lost. The first two together are shorter than the shortest lead of a
 * token of twenty seconds: three users in a row who are in trouble by themselves leave nobody else without
 * one. A fault of a minute spends five; the longest pause leaves the grants that wait a minute after its end.
 */
const PAUSES_MS = [2000, 3000, 20_000, 50_000] as const;
/** Milliseconds by which the database's clock may differ between two statements that are compared. */
const SKEW_MS = 60_000;

/** When the pace of a provider was set; milliseconds since the epoch. */
export interface Caution {
  readonly spent: number;
  readonly spentAt: number;
  /** When a well grant was presented to find out, if one was. */
  readonly askedAt: number | undefined;
}

/**
 * Milliseconds until the token of a well grant may be presented; undefined: nothing is in its way. Pure;
 * the SQL of {@link TURN_HAS_COME} says the same.
 */
export function cautionLeft({ spent, spentAt, askedAt }: Caution, now: number): number | undefined {
  if (spent < CAUTION_FROM) return undefined;
  const pause = PAUSES_MS[Math.min(spent - CAUTION_FROM, PAUSES_MS.length - 1)] ?? 0;
  const last = Math.max(spentAt, askedAt ?? 0);
  return last > now + SKEW_MS ? 0 : Math.max(0, last + pause - now);
}

const MILLISECOND = `interval '1 millisecond'`;
const LAST = 'greatest(f.spent_at, f.asked_at)';
const PAUSE = `(ARRAY[${PAUSES_MS.join(', ')}])[least(f.spent - ${String(CAUTION_FROM - 1)},
    ${String(PAUSES_MS.length)})] * ${MILLISECOND}`;

/** Milliseconds, as {@link cautionLeft}, of the row `f` of a provider that is asked with caution. */
export const CAUTION_LEFT = `CASE WHEN ${LAST} > now() + ${String(SKEW_MS)} * ${MILLISECOND} THEN 0
    ELSE greatest(0, extract(epoch FROM ${LAST} + ${PAUSE} - now()) * 1000) END`;
/** Whether the row `f` of a provider says that it is asked with caution. */
export const CAUTIOUS = `f.spent >= ${String(CAUTION_FROM)}`;
/** Whether the token of a well grant may be presented all the same, to find out. A time of the future was
 * written before the database's clock was set back. */
export const TURN_HAS_COME = `${LAST} NOT BETWEEN now() - ${PAUSE}
    AND now() + ${String(SKEW_MS)} * ${MILLISECOND}`;

/**
 * Counts one more grant of provider `$1` whose token may have been spent for nothing, for each row of
 * `spent`.
 */
export const COUNT_SPENT = `
  INSERT INTO stitch_provider_fuses AS f (provider, spent, spent_at)
  SELECT $1, 1, now() FROM spent
  ON CONFLICT (provider) DO UPDATE SET spent = f.spent + 1, spent_at = now(),
    cautious_since = CASE WHEN f.spent + 1 >= ${String(CAUTION_FROM)}
      THEN coalesce(f.cautious_since, now()) END`;
