import fc from 'fast-check';
import { ROTATION_FORMAT } from './rotation-format.js';

const bytes = fc.uint8Array().map((array) => Buffer.from(array));

it('a spooled answer to a refresh is read as it was written', () => {
  const result = fc.record({
    provider: fc.string(),
    userId: fc.string({ unit: 'grapheme' }),
    connection: fc.string(),
    grantId: fc.uuid(),
    version: fc.nat(),
    leaseOwner: fc.string(),
    accessToken: bytes,
    refreshToken: fc.option(bytes),
    scopes: fc.option(fc.array(fc.string())),
    obtainedAt: fc.nat(),
    expiresAt: fc.option(fc.nat()),
    refreshDueAt: fc.option(fc.nat()),
    kept: fc.record({ refreshToken: fc.option(bytes), scopes: fc.array(fc.string()) }),
  });
  fc.assert(
    fc.property(result, (each) => {
      expect(ROTATION_FORMAT.deserialise(ROTATION_FORMAT.serialise(each))).toEqual(each);
    }),
  );
});
