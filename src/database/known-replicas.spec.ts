import type { OtherReplica } from './history-verdict.js';
import { KnownReplicas } from './known-replicas.js';

const OPEN = 3;
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
    expect(replicas.all([other('a')])).toEqual([other('a'), other('b')]);
  });

  it('are not those that are named no more in one and the same history: others have their journals', () => {
    const replicas = new KnownReplicas();
    replicas.settled([other('a'), other('b')]);
    replicas.names('2', [other('a'), other('b')]);
    expect(replicas.all([other('a')])).toEqual([other('a')]);
  });

  it('are not believed what they said before the same server went back', () => {
    const replicas = new KnownReplicas();
    replicas.settled([other('a'), other('b')]);
    replicas.sameServerWentBack();
    const [a, b] = replicas.believed([other('a'), other('b', 13)]);
    expect(a?.incarnation).not.toBe('1');
    expect(b?.incarnation).toBe('1');
  });

  it('are remembered, and not believed, by one that was only asking when the same server went back', () => {
    const replicas = new KnownReplicas();
    replicas.names('1', [other('a'), other('b')]);
    replicas.sameServerWentBack();
    replicas.names('1', [other('a')]);
    const found = replicas.all([other('a')]);
    expect(found.map(({ process }) => process)).toEqual(['a', 'b']);
    expect(found.filter(({ incarnation }) => incarnation === '1')).toEqual([]);
  });
});
