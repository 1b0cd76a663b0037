import { RejectionCeiling } from './rejection-ceiling.js';

const ANN = { provider: 'stitch-money', userId: 'ann', connection: 'default' };

describe('rejections of one grant by one client', () => {
  const refusedAt = (ceiling: RejectionCeiling, client: string, key = ANN) => {
    for (let version = 1; version <= 100; version += 1) {
      try {
        ceiling.assert(client, key, version);
      } catch (error) {
        return { version, error };
      }
    }
    return undefined;
  };

  it('are let through twenty times a minute, then 429 with the time to wait', () => {
    const refused = refusedAt(new RejectionCeiling(), 'client');
    expect(refused?.version).toBe(21);
    expect(refused?.error).toMatchObject({ status: 429, code: 'rate_limited', retryAfter: 60 });
  });

  it('count by client and by grant', () => {
    const ceiling = new RejectionCeiling();
    expect(refusedAt(ceiling, 'client')?.version).toBe(21);
    expect(refusedAt(ceiling, 'other')?.version).toBe(21);
    expect(refusedAt(ceiling, 'client', { ...ANN, userId: 'ben' })?.version).toBe(21);
    expect(refusedAt(ceiling, 'client')?.version).toBe(21);
  });

  it('of one version count once, and of an old one not at all', () => {
    const ceiling = new RejectionCeiling();
    for (let report = 0; report < 1000; report += 1) {
      ceiling.assert('client', ANN, 7);
      ceiling.assert('client', ANN, 3);
    }
  });
});
