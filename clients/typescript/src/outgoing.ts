import { VaultError } from './vault-error.js';
import type { Fetch } from './vault-api.js';

/** A call of the API that is to be sent once, or once more with another token. */
export interface Outgoing {
  readonly signal: AbortSignal | undefined;
  /** Whether it can be sent again. */
  readonly replayable: boolean;
  /** Sends it. The last time nothing is kept for another one. */
  send(bearer: string, last: boolean): Promise<Response>;
  /** Lets go of what was kept for sending it again. */
  release(): void;
}

/** @throws VaultError `body_not_replayable` for a Request whose body was used already */
export function outgoing(
  fetch: Fetch,
  input: string | URL | Request,
  init: RequestInit,
  fallbackSignal: AbortSignal | undefined,
): Outgoing {
  const request = typeof input === 'object' && 'clone' in input ? input : undefined;
  const ownBody = init.body !== undefined && init.body !== null;
  if (request?.bodyUsed === true && !ownBody) throw bodyNotReplayable(null);
  const signal = init.signal ?? fallbackSignal ?? request?.signal;
  const kept = request?.body && !ownBody ? request : undefined;
  return {
    signal,
    replayable: !isStream(init.body),
    send: (bearer, last) => {
      const headers = new Headers(init.headers ?? request?.headers);
      headers.set('authorization', `Bearer ${bearer}`);
      const target = kept && !last ? kept.clone() : input;
      return fetch(target, { ...init, headers, ...(signal ? { signal } : {}) });
    },
    release: () => {
      // Already used when it was sent a second time.
      if (kept && !kept.bodyUsed) void kept.body?.cancel().catch(() => undefined);
    },
  };
}

/** @param status what the API answered; null when nothing was sent */
export function bodyNotReplayable(status: number | null): VaultError {
  return new VaultError(
    'body_not_replayable',
    status === null
      ? 'The body of this Request was used already: nothing was sent.'
      : `The API answered ${String(status)}, and a body that is a stream can’t be sent again. ` +
          'The token was replaced: make the request anew.',
    { status },
  );
}

/** Web streams, and whatever else is read piece by piece and once, as Node's streams are. */
function isStream(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false;
  return 'getReader' in body || Symbol.asyncIterator in body;
}
