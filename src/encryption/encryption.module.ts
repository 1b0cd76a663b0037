import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';

import { Keyring } from './keyring.js';
import { Sealer } from './sealer.js';

/** Provides `Keyring` and `Sealer` to the whole application. */
@Module({})
export class EncryptionModule {
  /** Global, because there is one keyring per process and every table with a secret needs it. */
  static forRoot(keyring: Keyring): DynamicModule {
    return {
      module: EncryptionModule,
      global: true,
      providers: [
        { provide: Keyring, useValue: keyring },
        { provide: Sealer, useFactory: () => new Sealer(keyring) },
      ],
      exports: [Keyring, Sealer],
    };
  }
}
