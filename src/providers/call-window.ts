/**
 * How many calls to a provider may be in flight, by how the last ones ended. What is in flight when a
 * provider begins to spend tokens for nothing can't be called back: so there is never more of it than
 * twice what calls in order have shown to be of use a moment ago.
 */
export interface CallWindow {
  /** Calls in flight at most; the ceiling is not its own. */
  readonly size: number;
  /** Calls that were in flight when it was narrowed: how they end says nothing more. */
  readonly settling: number;
  /** Calls that ended in order since it was narrowed, as far as they count. */
  readonly inOrder: number;
  /** When a call ended in order last, in milliseconds. */
  readonly provenAt: number;
}

/** How a call ended, as far as it says how many more may be made. */
export type CallEnd =
  | 'in_order'
  /** Too many calls, an outage, or an answer that was lost. */
  | 'failed'
  /** A token was spent for nothing. */
  | 'spent'
  /** The provider is asked by one probe at a time from now on. */
  | 'stopped';

/** Calls in flight with which nothing is known of a provider: two that are lost are not chance. */
export const FIRST_CALLS = 2;
/** Milliseconds after which what was known of it is not believed any more. */
const PROVEN_MS = 30_000;
/** Calls in order after which trouble is over. */
const WARY_CALLS = 5;

/** As it is when nothing is known. */
export const NARROW: CallWindow = {
  size: FIRST_CALLS,
  settling: 0,
  inOrder: WARY_CALLS,
  provenAt: -Infinity,
};

/** Calls in flight at most, now. Pure. */
export const windowSize = ({ size, provenAt }: CallWindow, now: number): number =>
  now - provenAt > PROVEN_MS ? Math.min(size, FIRST_CALLS) : size;

/** Whether there was trouble a moment ago, so that doubts are to be cleared up before anything else. Pure. */
export const isWary = ({ inOrder }: CallWindow): boolean => inOrder < WARY_CALLS;

/** One more where half of it is used, one less where less than a quarter is. */
function sizeFor(size: number, inFlight: number): number {
  if (inFlight * 2 >= size) return size + 1;
  return inFlight * 4 < size ? Math.max(FIRST_CALLS, size - 1) : size;
}

/**
 * The window after one more call has ended. Each call in order lets one more be made, which doubles it
 * with every round of calls, up to the ceiling: so a backlog waits for a few rounds, whatever its size.
 * It grows only when half of it is used. Trouble halves it, once for all that were in flight; a token
 * that was spent for nothing leaves one call. Pure.
 *
 * @param inFlight calls that were in flight a moment ago, the one that ended included
 */
export function afterCall(
  window: CallWindow,
  end: CallEnd,
  inFlight: number,
  { ceiling, now }: { readonly ceiling: number; readonly now: number },
): CallWindow {
  const size = windowSize(window, now);
  const settling = Math.max(0, window.settling - 1);
  if (end === 'stopped') return { ...window, size: 1, settling: inFlight, inOrder: 0 };
  if (end === 'spent') return { ...window, size: 1, settling: inFlight - 1, inOrder: 0 };
  if (end === 'failed') {
    if (window.settling > 0) return { ...window, settling };
    const half = Math.max(1, Math.floor(size / 2));
    return { ...window, size: half, settling: inFlight - 1, inOrder: 0 };
  }
  if (window.settling > 0) return { ...window, settling, provenAt: now };
  return {
    size: Math.min(ceiling, sizeFor(size, inFlight)),
    settling,
    inOrder: Math.min(WARY_CALLS, window.inOrder + 1),
    provenAt: now,
  };
}
