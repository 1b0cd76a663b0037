/** How a call ended badly, by what it says about the provider. */
export type Trouble =
  /** The request never left: nothing of any grant had a part in it. */
  | 'unreachable'
  /** 429, or a refusal of our own credentials. */
  | 'limited'
  /** 5xx, a lost or late answer, another refusal. */
  | 'failed'
  /** `invalid_grant`, or an answer that can't be understood: the grant would be given up or held. */
  | 'unusual';

/** What is known of a provider's calls, counted by different grants. */
export interface ProviderRecord {
  /** Grants that met each trouble since the last call that ended in order. */
  readonly since: Readonly<Record<Trouble, number>>;
  /** Grants that were refused for good in the last ten minutes, and calls that ended in order. */
  readonly refusedLately: number;
  readonly orderlyLately: number;
}

/** What follows for the next calls. */
export interface ProviderVerdict {
  /**
   * `fuse`: nothing but one probe at a time, with growing pauses, and nothing is given up;
   * `pause`: the same with short pauses; `none`: calls pass.
   */
  readonly stop: 'none' | 'pause' | 'fuse';
  /** Whether a refusal may be believed, so that the grant is given up. */
  readonly believable: boolean;
  /** Whether enough grants were asked to wait for that to hold for the whole provider. */
  readonly waitForAll: boolean;
}

/** Different grants, with no call in order between them. */
const UNUSUAL_IN_A_ROW = 3;
const LIMITED_IN_A_ROW = 3;
const FAILED_IN_A_ROW = 5;
/** Refused grants beside which a provider that serves others is believed no more. */
const REFUSED_LATELY = { atLeast: 5, share: 0.2 };

/**
 * Whether it is the provider that is in trouble, or single grants. Only different grants with none
 * in order between them tell of the provider: it answers for thousands at a time, and users who
 * withdraw, or whose bank is down, do so beside others who are served. Pure.
 */
export function judgeProvider(record: ProviderRecord): ProviderVerdict {
  const { since, refusedLately, orderlyLately } = record;
  const fuse = since.unusual >= UNUSUAL_IN_A_ROW;
  const failures = since.failed + since.limited + since.unusual;
  const pause =
    since.unreachable > 0 || since.limited >= LIMITED_IN_A_ROW || failures >= FAILED_IN_A_ROW;
  const refusesMany =
    refusedLately >= REFUSED_LATELY.atLeast && refusedLately > orderlyLately * REFUSED_LATELY.share;
  return {
    stop: fuse ? 'fuse' : pause ? 'pause' : 'none',
    believable: !fuse && !refusesMany,
    waitForAll: since.limited + since.failed >= FAILED_IN_A_ROW,
  };
}
