import { Injectable } from '@nestjs/common';
import { Sealer } from '../encryption/index.js';

/** The columns of `stitch_authorization_requests` that hold a sealed value. */
type SecretColumn = 'code_verifier' | 'nonce' | 'prefill';

/** Seals what a request must keep secret, bound to its row and column. */
@Injectable()
export class RequestSecrets {
  constructor(private readonly sealer: Sealer) {}

  seal(value: string, column: SecretColumn, requestId: string): Buffer {
    return this.sealer.seal(value, secretContext(column, requestId));
  }

  /** @throws EncryptionError */
  open(sealed: Buffer, column: SecretColumn, requestId: string): string {
    return this.sealer.open(sealed, secretContext(column, requestId));
  }
}

/** What a secret of a request is sealed for. */
export const secretContext = (column: string, requestId: string): readonly string[] => [
  'stitch_authorization_requests',
  column,
  requestId,
];
