import { Injectable } from '@nestjs/common';
import { Sealer } from '../encryption/index.js';
import type { GrantKey } from './grant.js';

/** The columns of `stitch_grants` that hold a sealed token, or an answer that may hold one. */
export type TokenColumn = 'access_token' | 'refresh_token' | 'held_answer';

/** Seals tokens for the one cell they belong to: moved to another row or column they don't open. */
@Injectable()
export class TokenSealer {
  constructor(private readonly sealer: Sealer) {}

  seal(token: string, column: TokenColumn, key: GrantKey): Buffer {
    return this.sealer.seal(token, tokenContext(column, key));
  }

  /** @throws EncryptionError */
  open(sealed: Buffer, column: TokenColumn, key: GrantKey): string {
    return this.sealer.open(sealed, tokenContext(column, key));
  }
}

/** What a token is sealed for: names and column, and not the table, as it moves between tables. */
export const tokenContext = (column: TokenColumn, { provider, userId, connection }: GrantKey) => [
  'stitch_grants',
  column,
  provider,
  userId,
  connection,
];
