import { randomBytes } from 'node:crypto';

import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';

import { EncryptionModule, Keyring, Sealer } from './index.js';

@Module({ providers: [{ provide: 'sealed', useFactory: seal, inject: [Sealer] }] })
class FeatureModule {}

function seal(sealer: Sealer): Buffer {
  return sealer.seal('token', ['feature']);
}

describe('EncryptionModule', () => {
  it('gives every module the one keyring and a sealer over it, without importing it', async () => {
    const keyring = new Keyring([{ id: 'k1', key: randomBytes(32) }]);

    const app = await Test.createTestingModule({
      imports: [EncryptionModule.forRoot(keyring), FeatureModule],
    }).compile();

    expect(app.get(Keyring)).toBe(keyring);
    const sealed = app.select(FeatureModule).get<Buffer>('sealed');
    expect(app.get(Sealer).open(sealed, ['feature'])).toBe('token');
  });
});
