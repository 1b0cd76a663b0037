import { Injectable } from '@nestjs/common';
import { Sealer } from '../encryption/index.js';

/** The columns of `stitch_authorization_requests` that hold a sealed value. */
type SecretColumn = 'code_verifier' | 'nonce' | 'prefill';

/** Seals what a request must keep secret, bound to its row and column. */
@Injectable()
export class RequestSecrets {
  constructor(private readonly sealer: Sealer) {}

  seal(value: string, column: SecretColumn, requestId: string): Buffer {
    return this.sealer.seal(value, ['stitch_authorization_requests', column, requestId]);
  }

  /** @throws EncryptionError */
  open(sealed: Buffer, column: SecretColumn, requestId: string): string {
    return this.sealer.open(sealed, ['stitch_authorization_requests', column, requestId]);
  }
}
