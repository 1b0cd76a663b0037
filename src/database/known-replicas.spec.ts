import type { OtherReplica } from './history-verdict.js';
import { KnownReplicas } from './known-replicas.js';

const OPEN = 3;
/** By the database's clock: of the tenth beat. */
const NOW = 10_000;
const other = (process: string, beat = 10): OtherReplica => ({
  process,
  beat,
  incarnation: '1',
  stage: OPEN,
  beatAt: 1000 * beat,
});

describe('the other replicas of a database that goes back in time', () => {
  it('are those that it names, and those that it has forgotten', () => {
    const replicas = new KnownReplicas();
    replicas.settled([other('a'), other('b')]);
    replicas.names('2', [other('a')]);
    expect(replicas.all([other('a')], NOW)).toEqual([other('a'), other('b')]);
  });

  it('are not those that are named no more in one and the same history: others have their journals', () => {
    const replicas = new KnownReplicas();
    replicas.settled([other('a'), other('b')]);
    replicas.names('2', [other('a'), other('b')]);
    expect(replicas.all([other('a')], NOW)).toEqual([other('a')]);
  });

  it('are not believed what they said before the same server went back', () => {
    const replicas = new KnownReplicas();
    replicas.settled([other('a'), other('b')]);
    replicas.sameServerWentBack();
    const [a, b] = replicas.believed([other('a'), other('b', 13)], NOW);
    expect(a?.incarnation).not.toBe('1');
    expect(b?.incarnation).toBe('1');
  });

  it('are remembered, and not believed, by one that was only asking when the same server went back', () => {
    const replicas = new KnownReplicas();
    replicas.names('1', [other('a'), other('b')]);
    replicas.sameServerWentBack();
    replicas.names('1', [other('a')]);
    const found = replicas.all([other('a')], NOW);
    expect(found.map(({ process }) => process)).toEqual(['a', 'b']);
    expect(found.filter(({ incarnation }) => incarnation === '1')).toEqual([]);
  });

  it('are asked once more when the server was away and those who lived before are silent', () => {
    const replicas = new KnownReplicas();
    const words = (beat: number, now: number) =>
      replicas.believed([other('a', beat), other('dead', 2)], now).map((each) => each.incarnation);
    replicas.settled([other('a', 8), other('dead', 2)]);
    replicas.settled([other('a', 9), other('dead', 2)]);
    replicas.lostContact();
    // Of those that write nobody doubts what they say, nor of those that had ended before.
    expect(words(10, NOW + 500).sort()).toEqual(['1', '1']);
    expect(words(10, NOW + 5000).filter((incarnation) => incarnation !== '1')).toHaveLength(1);
    expect(words(14, NOW + 9000)).toEqual(['1', '1']);
  });
});
