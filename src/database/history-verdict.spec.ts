import { isSameHistory, lostMilliseconds, missing, withoutOldWords } from './history-verdict.js';
import type { HistoryFacts, KnownHistory, OtherReplica } from './history-verdict.js';

const KNOWN: KnownHistory = {
  incarnation: '1/a',
  counter: 100,
  beat: 40,
  beatAt: 60_000,
  since: 20_000,
};
const FOUND: HistoryFacts = {
  incarnation: '1/a',
  counter: 103,
  advancedAt: 61_000,
  own: { beat: 40, beatAt: 60_000 },
};

describe('whether the database is the one that was written to, with all of it', () => {
  it.each<[string, Partial<HistoryFacts>, boolean]>([
    ['nothing has changed but what others wrote', {}, true],
    ['a write of ours arrived whose answer was lost', { own: { beat: 41, beatAt: 61_000 } }, true],
    ['another timeline, or another start of the server', { incarnation: '2/a' }, false],
    ['the counter of all is smaller', { counter: 99 }, false],
    ['our own last write is missing', { own: { beat: 39, beatAt: 59_000 } }, false],
    ['we are not known at all', { own: null }, false],
  ])('%s', (_name, change, same) => {
    expect(isSameHistory(KNOWN, { ...FOUND, ...change })).toBe(same);
  });

  it.each<[string, Partial<HistoryFacts>, number]>([
    ['nothing of ours is missing', { incarnation: '2/a' }, 0],
    ['since the last write that is left', { own: { beat: 37, beatAt: 57_000 } }, 3000],
    ['for as long as we have been writing, at least', { own: null }, 40_000],
    ['since the database was written to at all', { own: null, advancedAt: 5000 }, 55_000],
  ])('how much is lost: %s', (_name, change, lost) => {
    expect(lostMilliseconds(KNOWN, { ...FOUND, ...change })).toBe(lost);
  });

  it('loses nothing of a process that has not written yet', () => {
    expect(lostMilliseconds(undefined, FOUND)).toBe(0);
  });
});

describe('who is waited for before work begins in another history', () => {
  const other: OtherReplica = {
    process: 'b',
    beat: 50,
    incarnation: '1/a',
    stage: 3,
    beatAt: 59_000,
  };
  const waiting = {
    incarnation: '2/a',
    lastWritten: 60_000,
    now: 60_500,
    stage: 1,
    waited: 0,
    inherited: new Set<string>(),
  };

  it.each<[string, Partial<OtherReplica>, Partial<typeof waiting>, boolean]>([
    ['who has not been seen in it', {}, {}, true],
    ['who has come and is not this far', { incarnation: '2/a', stage: 0 }, {}, true],
    ['nobody who is as far', { incarnation: '2/a', stage: 1 }, {}, false],
    ['nobody who was seen to end long before', { beatAt: -10_000, seenMsAgo: 70_000 }, {}, false],
    [
      'who was never seen to write: what says that it ended is a clock',
      { beatAt: -10_000 },
      {},
      true,
    ],
    [
      'who was seen to write, whatever the clock says since it was set',
      { beatAt: -3_000_000, seenMsAgo: 500 },
      {},
      true,
    ],
    ['who writes now, by a clock that was set back', { beatAt: -10_000 }, { now: -9500 }, true],
    [
      'who lives and has waited as well',
      { incarnation: '2/a', stage: 0 },
      { waited: 20_000 },
      true,
    ],
    ['nobody for ever', {}, { waited: 20_000 }, false],
    ['shortly, whose journal is at hand', {}, { waited: 2000, inherited: new Set(['b']) }, true],
    ['no longer', {}, { waited: 3000, inherited: new Set(['b']) }, false],
  ])('%s', (_name, change, more, waits) => {
    const left = missing([{ ...other, ...change }], { ...waiting, ...more });
    expect(left.length > 0).toBe(waits);
  });

  it.each<[string, number, boolean]>([
    ['who wrote it before the server went back', 50, true],
    ['who may have written it between our last look and that', 52, true],
    ['not who has written since', 53, false],
  ])('the same server: %s', (_name, beat, waits) => {
    const there = { ...other, incarnation: '2/a', beat };
    const left = missing(withoutOldWords([there], new Map([[other.process, other.beat]])), waiting);
    expect(left.length > 0).toBe(waits);
  });
});
