import type { Tally } from '../audit/index.js';
import type { ServedToken } from './token-opener.js';
import { toTokenDto } from './tokens.dto.js';

/** Milliseconds for which an answer that was opened once is sent again. */
export const REUSE_MS = 1000;

/** Text that is as many bytes as characters, in either encoding. */
const ASCII = /^[\x20-\x7e]*$/;

/** An answer as it is sent. It lives in the cache entry, so that whatever drops the entry drops it too. */
export class OpenedAnswer {
  body = '';
  encoding: 'latin1' | 'utf8' = 'utf8';
  /** Bytes of the body. */
  length = 0;
  /** Whose reads are counted where: the audit's sum of the client that read last. */
  client = '';
  tally: Tally | undefined;

  /** @param openedAt monotonic */
  constructor(
    private served: ServedToken,
    readonly openedAt: number,
  ) {
    this.write();
  }

  /** Sees to it that the body says how many seconds are left. */
  tell(expiresIn: number | null): void {
    if (expiresIn === this.served.expiresIn) return;
    this.served = { ...this.served, expiresIn };
    this.write();
  }

  private write(): void {
    this.body = JSON.stringify(toTokenDto(this.served));
    this.encoding = ASCII.test(this.body) ? 'latin1' : 'utf8';
    this.length = Buffer.byteLength(this.body, this.encoding);
  }
}
