import { StorageUnavailableError } from '../common/index.js';
import { mayBeTakenLater } from '../database/index.js';
import type { Clock, Log } from '../common/index.js';
import { consentOf, grantKeyText } from '../grants/index.js';
import type {
  ClaimedGrant,
  HeldAnswer,
  RestoreStore,
  RotationStore,
  TokenSealer,
} from '../grants/index.js';
import type { Shelf, ShelfFormat, Shelved } from '../journal/index.js';
import type { UnreadableAnswerError } from '../providers/index.js';
import { keptText } from './kept-text.js';

/** Milliseconds between attempts to write one down while the database is away. */
const RETRY_MS = 500;

export interface HeldAnswersDependencies {
  readonly store: Pick<RotationStore, 'hold'>;
  readonly shelf: Pick<Shelf<HeldAnswer>, 'write' | 'settle' | 'list' | 'read'>;
  readonly sealer: Pick<TokenSealer, 'seal'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** How answers that can't be understood are written down until the database has them. */
export const HELD_FORMAT: ShelfFormat<HeldAnswer> = {
  kind: 'held',
  purpose: 'spool-held',
  keyOf: ({ grantId, ...key }) => `${grantKeyText(key)}\0${grantId}`,
  versionOf: ({ version }) => version,
  askedAt: ({ askedAt }) => askedAt,
  serialise: (held) => JSON.stringify({ ...held, answer: held.answer.toString('base64') }),
  deserialise: (text) => {
    const stored = JSON.parse(text) as Omit<HeldAnswer, 'answer'> & { readonly answer: string };
    return { ...stored, answer: Buffer.from(stored.answer, 'base64') };
  },
};

/**
 * Keeps answers that may hold tokens and can't be understood: sealed into the journal in the turn
 * in which they came, then into the row of their grant, which is held from then on.
 */
export class HeldAnswers {
  private readonly keeping = new Set<string>();

  constructor(private readonly dependencies: HeldAnswersDependencies) {}

  /** Whether the answer for a grant is being kept, so that its token must not be presented. */
  keeps(grant: ClaimedGrant): boolean {
    return this.keeping.has(grantKeyText(grant));
  }

  /** @returns once the grant is held, or belongs to somebody else; at whatever time */
  async keep(grant: ClaimedGrant, error: UnreadableAnswerError, askedAt: number): Promise<void> {
    const { sealer, shelf } = this.dependencies;
    const { provider, userId, connection, grantId, version } = grant;
    const held: HeldAnswer = {
      provider,
      userId,
      connection,
      grantId,
      version,
      answer: sealer.seal(keptText(error.answer, askedAt), 'held_answer', grant, consentOf(grant)),
      error: error.message,
      askedAt,
    };
    await this.write(held, await shelf.write(held));
  }

  /** Writes to the database what an earlier process kept and did not write before it ended. */
  recover(): void {
    const { shelf, log } = this.dependencies;
    try {
      for (const entry of shelf.list()) {
        const shelved: Shelved<HeldAnswer> | undefined = shelf.read(entry);
        if (shelved && !this.keeping.has(grantKeyText(shelved.item))) {
          void this.write(shelved.item, entry);
        }
      }
    } catch (error) {
      log.failure('spool.list_failed', error);
    }
  }

  private async write(held: HeldAnswer, entry: string | undefined): Promise<void> {
    const { store, shelf, clock, log } = this.dependencies;
    const text = grantKeyText(held);
    let told = false;
    this.keeping.add(text);
    try {
      for (;;) {
        try {
          await store.hold(held);
          // Remembered: a database that forgets it would have the spent token presented again.
          shelf.settle(entry);
          return;
        } catch (error) {
          const isAway = error instanceof StorageUnavailableError;
          if (!isAway && !told) log.failure('grant.hold_failed', error);
          told ||= !isAway;
          // It stays in the journal, and is tried again with the next start.
          if (!mayBeTakenLater(error)) return;
          await clock.sleep(RETRY_MS);
        }
      }
    } finally {
      this.keeping.delete(text);
    }
  }
}

/**
 * Holds anew the grants that a database had held and has forgotten which went back in time: their
 * tokens have been presented, and the answers are at hand.
 *
 * @returns how many it had forgotten
 */
export async function holdAnew(
  shelf: Pick<Shelf<HeldAnswer>, 'remembered' | 'read'>,
  store: Pick<RestoreStore, 'hold'>,
): Promise<number> {
  let count = 0;
  for (const entry of shelf.remembered()) {
    const held = shelf.read(entry)?.item;
    if (held && (await store.hold(held))) count += 1;
  }
  return count;
}
