import { codeChallengeOf, randomValue } from './pkce.js';

describe('PKCE', () => {
  it.each([
    // The sample values of seed document S3.
    ['chy0EHtabciY0kjRzCDr113O2slAa-xY_zvdApkXxvw', 'FVF6VCwYJ_XljGdLXVjxs6g-_QRh4_CDutLOf_oIzPw'],
    // RFC 7636 appendix B.
    ['dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'],
  ])('makes of the published verifier %s the published challenge', (verifier, challenge) => {
    expect(codeChallengeOf(verifier)).toBe(challenge);
  });

  it('makes values that are states, nonces and verifiers by every rule, and never the same', () => {
    const values = Array.from({ length: 1000 }, randomValue);
    for (const value of values) expect(value).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(new Set(values).size).toBe(values.length);
  });
});
