/** How a call ended badly, by what it says about the provider. */
export type Trouble =
  /** The request never left: nothing of any grant had a part in it. */
  | 'unreachable'
  /** 429, or a refusal of our own credentials. */
  | 'limited'
  /** 5xx, a lost answer, another refusal. */
  | 'failed'
  /** No answer for as long as readers wait. */
  | 'overdue'
  /** `invalid_grant`: the grant would be given up. */
  | 'refused'
  /** `invalid_grant` to a token that was presented before: its answer was lost, and it is spent. */
  | 'spent'
  /** An answer that can't be understood: the token is spent and the grant held. */
  | 'unreadable';

/** Whether a grant would be given up or held for it: what the fuse is about. */
export const isUnusual = (trouble: Trouble): boolean =>
  trouble === 'refused' || trouble === 'spent' || trouble === 'unreadable';

/** What is known of a provider's calls, counted by different grants. */
export interface ProviderRecord {
  /** Grants that met each trouble since the last call that ended in order. */
  readonly since: Readonly<Record<Trouble, number>>;
  /** Grants that were refused for good in the last ten minutes, and calls that ended in order. */
  readonly refusedLately: number;
  readonly orderlyLately: number;
  /** Of the last 25 calls that ended in order or refused one grant more: those that refused it. */
  readonly refusedOfLast: number;
  /** Of the same, within minutes: those that spent the token of one grant more for nothing. */
  readonly spentOfLast: number;
}

/** What follows for the next calls. */
export interface ProviderVerdict {
  /**
   * `fuse`: nothing but one probe at a time, with growing pauses, and nothing is given up;
   * `pause`: the same with short pauses; `none`: calls pass.
   */
  readonly stop: 'none' | 'pause' | 'fuse';
  /** Whether a probe may cost a grant, so that there should be few. */
  readonly probesCost: boolean;
  /** Whether a refusal may be believed, so that the grant is given up. */
  readonly believable: boolean;
  /** Whether enough grants were asked to wait for that to hold for the whole provider. */
  readonly waitForAll: boolean;
}

/** Different grants, with no call in order between them. */
const UNUSUAL_IN_A_ROW = 3;
/** No user has a part in it: two of them are not chance. */
const UNREADABLE_IN_A_ROW = 2;
const LIMITED_IN_A_ROW = 3;
const FAILED_IN_A_ROW = 5;
/** Each has taken long, and there may be no more than two at a time. */
const OVERDUE_IN_A_ROW = 2;
/** Of the last 25 calls: more of them is not the trouble of single answers on their way. */
const SPENT_OF_LAST = 3;
/** Refused grants beside which a provider that serves others is believed no more. */
const REFUSED_LATELY = { atLeast: 5, share: 0.2 };

/**
 * Whether it is the provider that is in trouble, or single grants. Only different grants with none
 * in order between them tell of the provider: it answers for thousands at a time, and users who
 * withdraw, or whose bank is down, do so beside others who are served. Pure.
 */
export function judgeProvider(record: ProviderRecord): ProviderVerdict {
  const { since, refusedLately, orderlyLately, refusedOfLast, spentOfLast } = record;
  const unusual = since.refused + since.spent + since.unreadable;
  // What others are served by the rest of its nodes does not bring back what these spend.
  const spendsSome = spentOfLast >= SPENT_OF_LAST;
  const fuse = spendsSome || unusual >= UNUSUAL_IN_A_ROW || since.unreadable >= UNREADABLE_IN_A_ROW;
  const failures = since.failed + since.overdue + since.limited + unusual;
  const pause =
    since.unreachable > 0 ||
    since.limited >= LIMITED_IN_A_ROW ||
    since.overdue >= OVERDUE_IN_A_ROW ||
    failures >= FAILED_IN_A_ROW;
  const refusesMany =
    refusedLately >= REFUSED_LATELY.atLeast && refusedLately > orderlyLately * REFUSED_LATELY.share;
  // The ten minutes before an incident are full of calls in order: its beginning is seen by the last few.
  const refusesSome = refusedOfLast >= REFUSED_LATELY.atLeast;
  return {
    stop: fuse ? 'fuse' : pause ? 'pause' : 'none',
    probesCost: spendsSome || since.spent + since.unreadable > 0,
    believable: !fuse && !refusesMany && !refusesSome,
    waitForAll: since.limited + since.failed + since.overdue >= FAILED_IN_A_ROW,
  };
}
