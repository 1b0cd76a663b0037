import { EncryptionError } from '../encryption/index.js';
import { consentOf, refreshDueAt } from '../grants/index.js';
import type { HeldGrant, HeldStore, TokenSealer } from '../grants/index.js';
import { ProviderError, UnreadableAnswerError } from '../providers/index.js';
import type { IssuedTokens, TokenProvider } from '../providers/index.js';
import { readKeptText } from './kept-text.js';
import { isOfAnother } from './whose-answer.js';

/** Grants looked at by one statement: an answer may have megabytes. */
const PAGE = 20;

export interface RereadDependencies {
  readonly store: Pick<HeldStore, 'page' | 'rotate' | 'release'>;
  readonly sealer: Pick<TokenSealer, 'open' | 'seal' | 'isOfAnother'>;
  /** Undefined: that provider is not configured. */
  readonly provider: (name: string) => Pick<TokenProvider, 'understand'> | undefined;
  /** Milliseconds before its end at which a token is renewed: `REFRESH_LEAD`. */
  readonly leadMs: number;
  /** Milliseconds that an answer may have been listened for: `ANSWER_TIMEOUT`. */
  readonly answerTimeoutMs: number;
}

/** How many answers were understood, and how many grants are held still. */
export interface Reread {
  readonly understood: number;
  readonly held: number;
}

/** Tries to understand kept answers with today's code. @throws StorageUnavailableError */
export async function reread(dependencies: RereadDependencies): Promise<Reread> {
  const counts = { understood: 0, held: 0 };
  let after: HeldGrant | undefined;
  do {
    const page = await dependencies.store.page(after, PAGE);
    for (const grant of page) {
      const understood = await rereadOne(grant, dependencies);
      if (understood) counts.understood += 1;
      else counts.held += 1;
    }
    after = page.length === PAGE ? page.at(-1) : undefined;
  } while (after);
  return counts;
}

/** @returns whether the grant is not held any more */
async function rereadOne(grant: HeldGrant, dependencies: RereadDependencies): Promise<boolean> {
  const { store, sealer, provider, leadMs, answerTimeoutMs } = dependencies;
  const source = provider(grant.provider);
  if (!source) return false;
  try {
    if (sealer.isOfAnother(grant.accessToken, 'access_token', grant)) return false;
    if (sealer.isOfAnother(grant.answer, 'held_answer', grant)) return false;
    const { answer, askedAt } = readKeptText(sealer.open(grant.answer, 'held_answer', grant));
    const issued = source.understand(answer);
    if (isOfAnother(issued, grant)) return false;
    const obtainedAt = askedAt ?? grant.heldAt - answerTimeoutMs;
    await store.rotate(grant, sealed(issued, grant, obtainedAt, { sealer, leadMs }));
    return true;
  } catch (error) {
    if (error instanceof UnreadableAnswerError || error instanceof EncryptionError) return false;
    if (!(error instanceof ProviderError)) throw error;
    await store.release(grant);
    return true;
  }
}

function sealed(
  issued: IssuedTokens,
  grant: HeldGrant,
  obtainedAt: number,
  { sealer, leadMs }: Pick<RereadDependencies, 'sealer' | 'leadMs'>,
) {
  const { accessToken, refreshToken, expiresIn } = issued;
  const scopes = issued.scopes ?? grant.scopes;
  const consent = { ...consentOf(grant), scopes };
  const expiresAt = expiresIn === null ? null : obtainedAt + expiresIn * 1000;
  return {
    accessToken: sealer.seal(accessToken, 'access_token', grant, consent),
    refreshToken:
      refreshToken === null ? null : sealer.seal(refreshToken, 'refresh_token', grant, consent),
    scopes,
    obtainedAt,
    expiresAt,
    refreshDueAt: refreshDueAt({ obtainedAt, expiresAt }, leadMs),
  };
}
