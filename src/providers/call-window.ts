/**
 * How many calls to a provider may be in flight, by how the last ones ended. What is in flight when a
 * provider begins to spend tokens for nothing can't be called back: so there is no more of it than calls in
 * order have shown to be of use a moment ago, and after trouble it begins with one.
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

/** Share of the ceiling that may be in flight when nothing is known of a provider, and calls at least. */
const FIRST = { share: 1 / 4, least: 2 };
/** More calls in flight for each that ends in order: four times as many with each round of calls. */
const GROWTH = 3;
/** Milliseconds after which what was known of it is not believed any more. */
const PROVEN_MS = 30_000;
/** Calls in order after which trouble is over. */
const WARY_CALLS = 5;

/** Calls in flight when nothing is known. Pure. */
const firstCalls = (ceiling: number): number =>
  Math.max(Math.min(ceiling, FIRST.least), Math.floor(ceiling * FIRST.share));

/** As it is when nothing is known. Pure. */
export const newWindow = (ceiling: number): CallWindow => ({
  size: firstCalls(ceiling),
  settling: 0,
  inOrder: WARY_CALLS,
  provenAt: -Infinity,
});

/** What the window has to be measured by. */
export interface WindowBounds {
  readonly ceiling: number;
  /** Milliseconds. */
  readonly now: number;
}

/** Calls in flight at most, now. Pure. */
export const windowSize = (
  { size, provenAt }: CallWindow,
  { ceiling, now }: WindowBounds,
): number => (now - provenAt > PROVEN_MS ? Math.min(size, firstCalls(ceiling)) : size);

/** Whether there was trouble a moment ago, so that doubts are to be cleared up before anything else. Pure. */
export const isWary = ({ inOrder }: CallWindow): boolean => inOrder < WARY_CALLS;

/** More where half of it is used, one less where less than a quarter is. */
function sizeFor(size: number, inFlight: number, ceiling: number): number {
  if (inFlight * 2 >= size) return Math.min(ceiling, size + GROWTH);
  const isWide = inFlight * 4 < size && size > firstCalls(ceiling);
  return isWide ? size - 1 : size;
}

/**
 * The window after one more call has ended. Each call in order lets three more be made, so that it is four
 * times as wide after each round of calls, up to the ceiling: a backlog waits for one round.
 * It grows only when half of it is used. Trouble halves it, once for all that were in flight; a token
 * that was spent for nothing leaves one call. Pure.
 *
 * @param inFlight calls that were in flight a moment ago, the one that ended included
 */
export function afterCall(
  window: CallWindow,
  end: CallEnd,
  inFlight: number,
  bounds: WindowBounds,
): CallWindow {
  const { ceiling, now } = bounds;
  const size = windowSize(window, bounds);
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
    size: sizeFor(size, inFlight, ceiling),
    settling,
    inOrder: Math.min(WARY_CALLS, window.inOrder + 1),
    provenAt: now,
  };
}
