import type { Grant, RememberedGrant, RotationResult } from '../grants/index.js';
import { sampleGrant } from '../../test/support/sample-grant.js';
import { RememberedRotations } from './remembered-rotations.js';

const RESULT: RotationResult = {
  provider: 'p',
  userId: 'u',
  connection: 'c',
  grantId: 'g',
  version: 2,
  leaseOwner: 'owner/1',
  accessToken: Buffer.from('access 3'),
  refreshToken: Buffer.from('refresh 3'),
  scopes: [],
  obtainedAt: 1000,
  expiresAt: null,
  refreshDueAt: null,
  kept: { refreshToken: Buffer.from('refresh 2'), scopes: [] },
};

describe('RememberedRotations', () => {
  const restored = async (cached: Grant[]): Promise<readonly RememberedGrant[]> => {
    let written: readonly RememberedGrant[] = [];
    const remembered = new RememberedRotations(
      {
        shelf: {
          remembered: () => ['entry'],
          list: () => [],
          read: (entry) => ({ entry, item: RESULT, version: 3 }),
        },
        cache: { grants: () => cached },
        store: {
          forgotten: (grants) => Promise.resolve([...grants]),
          restore: (grants) => {
            written = grants;
            return Promise.resolve(grants.length);
          },
          lease: () => Promise.resolve(0),
        },
        leased: () => [],
      },
      1000,
    );
    await remembered.restore({ lost: 0, late: true });
    return written;
  };

  it('knows which token was presented for a version that the cache has, too', async () => {
    const [grant] = await restored([sampleGrant({ version: 3, refreshToken: Buffer.from('x') })]);
    expect(grant?.presented?.toString()).toBe('refresh 2');
  });

  it('prefers what the cache has of a later version', async () => {
    const [grant] = await restored([sampleGrant({ version: 4, refreshToken: Buffer.from('x') })]);
    expect(grant).toMatchObject({ version: 4, refreshToken: Buffer.from('x') });
  });
});
