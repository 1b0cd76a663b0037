import fc from 'fast-check';
import { certificateName, certificateNames, isCertificateName } from './certificate-name.js';

const SPIFFE = 'spiffe://example.org/payments';

describe('the names of a certificate', () => {
  it.each([
    [`URI:${SPIFFE}`, [`URI:${SPIFFE}`]],
    ['DNS:Payments.Example.ORG', ['DNS:payments.example.org']],
    [`DNS:a.example, IP Address:10.0.0.1, URI:${SPIFFE}`, ['DNS:a.example', `URI:${SPIFFE}`]],
    ['email:somebody@example.org, DirName:"CN = a, O = b"', []],
    ['DNS:*.example.org', []],
    // What Node quotes has been made to look like more than one name.
    [`URI:"${SPIFFE}, URI:spiffe://example.org/admin"`, []],
    ['DNS:"a.example, DNS:b.example"', []],
    [`URI:"spiffe://example.org/a\\u0000b"`, []],
    // What it quotes for less is one name all the same.
    [`URI:"https://example.org/a,b"`, ['URI:https://example.org/a,b']],
    // Not to be read to the end: nobody.
    [`URI:${SPIFFE}, `, []],
    [`URI:${SPIFFE},DNS:a.example`, []],
    [`URI:${SPIFFE}", DNS:a.example`, []],
    [`DNS:a.example\nDNS:b.example`, []],
    [`, DNS:a.example`, []],
    [`DNS:a.example, nothing`, []],
    ['', []],
    [undefined, []],
  ])('in %j are %j', (text, names) => {
    expect(certificateNames(text)).toEqual(names);
  });

  it('are never more than were written, whatever they look like', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('URI', 'DNS'), (value, kind) => {
        // As Node writes it: quoted where it holds anything that separates names.
        const written = /^[!#-&(-+\--[\]-~]*$/.test(value) ? value : JSON.stringify(value);
        const names = certificateNames(`${kind}:${written}`);
        expect(names.length).toBeLessThanOrEqual(1);
        for (const name of names) {
          expect(name.toLowerCase()).toBe(`${kind}:${value}`.toLowerCase());
        }
      }),
    );
  });

  it('are compared by kind: a URI without regard to nothing, a DNS name without regard to case', () => {
    expect(certificateName(SPIFFE)).toBe(`URI:${SPIFFE}`);
    expect(certificateName('urn:example:payments')).toBe('URI:urn:example:payments');
    expect(certificateName('A.example')).toBe('DNS:a.example');
    expect(certificateName('URI')).toBe('DNS:uri');
  });

  it('can be asked for where they can be had', () => {
    for (const name of [SPIFFE, 'urn:a:b', 'payments.internal', 'payments']) {
      expect(isCertificateName(name)).toBe(true);
    }
    for (const name of ['', '*.example.org', 'a b', 'spiffe://a b', 'é.example', '-a.example']) {
      expect(isCertificateName(name)).toBe(false);
    }
  });
});
