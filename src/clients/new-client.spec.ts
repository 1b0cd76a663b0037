import { problemOf } from './new-client.js';
import type { NewClient } from './new-client.js';

const CLIENT: NewClient = { name: 'billing', scopes: ['tokens:read'] };

describe('a client that is to be created', () => {
  it.each<Partial<NewClient>>([
    {},
    { scopes: ['admin'] },
    { providers: ['stitch-money'], userPrefixes: ['za-', 'é'] },
    { withKey: false, subject: 'system:serviceaccount:shop:payments' },
    { withKey: false, certificate: 'spiffe://example.org/payments' },
    { certificate: 'payments.internal' },
  ])('may be %j', (rest) => {
    expect(problemOf({ ...CLIENT, ...rest })).toBeUndefined();
  });

  it.each<[Partial<NewClient>, RegExp]>([
    [{ name: 'a b' }, /^A name/],
    [{ scopes: [] }, /^Scopes are/],
    [{ scopes: ['tokens:everything'] }, /^Scopes are/],
    [{ scopes: ['admin'], providers: ['stitch-money'] }, /admin/],
    [{ scopes: ['tokens:read', 'admin'], userPrefixes: ['za-'] }, /admin/],
    [{ providers: [] }, /^A provider/],
    [{ providers: ['A B'] }, /^A provider/],
    [{ userPrefixes: [] }, /^A prefix/],
    [{ userPrefixes: ['za-', ''] }, /^A prefix/],
    [{ userPrefixes: ['a\u200b'] }, /^A prefix/],
    [{ subject: '' }, /^A subject/],
    [{ certificate: '*.example.org' }, /^A certificate/],
    [{ certificate: 'spiffe://a b' }, /^A certificate/],
    [{ withKey: false }, /needs a subject or a certificate/],
  ])('may not be %j', (rest, sentence) => {
    expect(problemOf({ ...CLIENT, ...rest })).toMatch(sentence);
  });
});
