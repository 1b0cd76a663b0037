import { randomValue } from './pkce.js';
import { compareTerms, verifierFor } from './request-terms.js';
import type { RequestTerms } from './request-terms.js';

const TERMS: RequestTerms = {
  id: '5b0f8a3c-1111-4222-8333-444455556666',
  state: 'S'.repeat(43),
  userId: 'ann',
  provider: 'stitch-money',
  connection: 'default',
  redirectUri: 'https://vault.example/callback/stitch-money',
  scopes: ['openid', 'accounts'],
  returnTo: null,
  confirm: true,
};

describe('a code verifier that names the terms of its request', () => {
  it('is a verifier by RFC 7636 section 4.1, and never the same', () => {
    const verifiers = Array.from({ length: 100 }, () => verifierFor(TERMS));
    for (const verifier of verifiers) expect(verifier).toMatch(/^[A-Za-z0-9._~-]{43,128}$/);
    expect(new Set(verifiers).size).toBe(verifiers.length);
  });

  it('knows its own terms', () => {
    expect(compareTerms({ ...TERMS }, verifierFor(TERMS))).toBe('same');
  });

  it.each<[string, Partial<RequestTerms>]>([
    ['id', { id: '5b0f8a3c-1111-4222-8333-444455556667' }],
    ['state', { state: 'T'.repeat(43) }],
    ['user', { userId: 'mallory' }],
    ['provider', { provider: 'other' }],
    ['connection', { connection: 'second' }],
    ['redirect URI', { redirectUri: 'https://evil.example/callback/stitch-money' }],
    ['scopes', { scopes: ['openid', 'accounts', 'payments'] }],
    ['scopes run together', { scopes: ['openid accounts'] }],
    ['return_to', { returnTo: 'https://evil.example/' }],
    ['confirmation', { confirm: false }],
  ])('sees another %s', (_, other) => {
    expect(compareTerms({ ...TERMS, ...other }, verifierFor(TERMS))).toBe('altered');
  });

  it('is told apart from a verifier of an earlier version', () => {
    expect(compareTerms(TERMS, randomValue())).toBe('unnamed');
  });
});
