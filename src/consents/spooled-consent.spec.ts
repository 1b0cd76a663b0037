import fc from 'fast-check';
import { SPOOLED_CONSENT_FORMAT } from './spooled-consent.js';

const bytes = fc.uint8Array().map((array) => Buffer.from(array));

it('a spooled consent is read as it was written', () => {
  const link = fc.record({
    requestId: fc.option(fc.uuid()),
    status: fc.constantFrom('completed' as const, 'awaiting_confirmation' as const),
    grant: fc.record({
      provider: fc.string(),
      userId: fc.string({ unit: 'grapheme' }),
      connection: fc.string(),
      grantId: fc.uuid(),
      status: fc.constantFrom('active' as const, 'awaiting_confirmation' as const),
      accessToken: bytes,
      refreshToken: fc.option(bytes),
      scopes: fc.array(fc.string()),
      subject: fc.option(fc.string()),
      accountId: fc.option(fc.nat()),
      obtainedAt: fc.nat(),
      expiresAt: fc.option(fc.nat()),
      refreshDueAt: fc.option(fc.nat()),
    }),
  });
  fc.assert(
    fc.property(link, (each) => {
      expect(SPOOLED_CONSENT_FORMAT.deserialise(SPOOLED_CONSENT_FORMAT.serialise(each))).toEqual(
        each,
      );
    }),
  );
});
