import { ProviderError, UnreadableAnswerError } from '../../src/providers/index.js';
import type { IssuedTokens } from '../../src/providers/index.js';
import { between } from './random.js';
import type { Random } from './random.js';
import type { VirtualClock } from './virtual-clock.js';

/** How hostile the provider and the wire to it are; shares are probabilities. */
export interface ProviderWeather {
  /** Milliseconds after first use in which a used refresh token is answered once more. */
  readonly grace: number;
  readonly longestLatency: number;
  readonly lostRequest: number;
  readonly lostAnswer: number;
  readonly serverError: number;
  readonly rateLimited: number;
}

/** Something that is wrong with every answer to some users. */
export interface ModelFault {
  readonly kind: FaultKind;
  readonly sick: ReadonlySet<string>;
  /** Of the provider's nodes, those that are ill: the share of calls that meet one. */
  readonly share: number;
}

/** What is wrong: the first ones spend nothing; `late` does, and its answer comes. */
export const FAULT_KINDS = [
  ...(['refused', 'other_word', 'client_refused', 'server_error', 'slow_down'] as const),
  ...(['unreachable', 'late', 'spent', 'unreadable'] as const),
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Seconds for which `slow_down` asks to wait. */
export const ASKED_SECONDS = 600;

interface Family {
  /** Refresh tokens issued and not used yet. Those of a token answered twice are siblings. */
  readonly unused: Set<string>;
  /** Used tokens and when they were used first. */
  readonly used: Map<string, number>;
  readonly access: Map<string, number>;
  /** Whether a used token was seen again, which ends all of them (RFC 9700 section 4.14.2). */
  revoked: boolean;
  serial: number;
}

/** Milliseconds an access token lives. */
export const LIFETIME = 20_000;
/** Milliseconds that a reader waits for one call, and that its answer is listened for. */
export const PROVIDER_TIMEOUT = 2000;
const ANSWER_TIMEOUT = 24_000;

/** An authorization server whose refresh tokens work once, with everything that can go wrong. */
export class ModelProvider {
  private readonly families = new Map<string, Family>();
  presentations = 0;
  /** What is wrong with the answers to some users, while something is. */
  fault: ModelFault | undefined;

  constructor(
    private readonly clock: VirtualClock,
    private readonly random: Random,
    /** Replaced by fair weather when a run comes to rest. */
    public weather: ProviderWeather,
    /** Milliseconds. */
    private readonly listensFor = ANSWER_TIMEOUT,
  ) {}

  /** A new grant. */
  grant(user: string): { access: string; refresh: string } {
    const family: Family = {
      unused: new Set(),
      used: new Map(),
      access: new Map(),
      revoked: false,
      serial: 0,
    };
    this.families.set(user, family);
    const { access, refresh } = this.issue(user, family);
    return { access, refresh };
  }

  isLive(user: string, access: string): boolean {
    return (this.families.get(user)?.access.get(access) ?? 0) > this.clock.now();
  }

  /** Whether the token would be answered, grace or no grace. */
  isUnused(user: string, refresh: string): boolean {
    return this.families.get(user)?.unused.has(refresh) ?? false;
  }

  /** Whether the token has been used or revoked, so that only a grace could make it work again. */
  isSpent(user: string, refresh: string): boolean {
    const family = this.families.get(user);
    return family ? family.used.has(refresh) || family.revoked : false;
  }

  /** One call over the wire, as the vault's HTTP client would report it. */
  async call(refresh: string): Promise<IssuedTokens> {
    this.presentations += 1;
    const { weather, random, clock, fault } = this;
    if (fault?.sick.has(userOf(refresh)) && random() < fault.share) {
      return this.fail(fault.kind, refresh);
    }
    const there = between(random, 1, Math.max(1, Math.floor(weather.longestLatency / 2)));
    const back = between(random, 1, Math.max(1, Math.floor(weather.longestLatency / 2)));
    const lostRequest = random() < weather.lostRequest;
    const lostAnswer = random() < weather.lostAnswer;
    const serverError = random() < weather.serverError;
    const afterwards = random() < 0.5;
    if (random() < weather.rateLimited) {
      await clock.sleep(there);
      throw new ProviderError('rate_limited', 'http_429');
    }
    if (lostRequest) {
      await clock.sleep(between(random, 1, this.listensFor));
      throw new ProviderError('interrupted', 'econnreset');
    }
    // What arrives is processed, also after the caller has given up waiting for it.
    const answer = clock.sleep(there).then(() => {
      if (serverError && !afterwards) throw new ProviderError('unavailable', 'http_503');
      const issued = this.rotate(refresh);
      if (serverError) throw new ProviderError('unavailable', 'http_502');
      return issued;
    });
    answer.catch(() => undefined);
    const total = there + back;
    if (lostAnswer || total > this.listensFor) {
      await clock.sleep(this.listensFor);
      throw new ProviderError('interrupted', 'timeout');
    }
    await clock.sleep(total);
    return answer;
  }

  private async fail(kind: FaultKind, refresh: string): Promise<IssuedTokens> {
    const { clock, random } = this;
    await clock.sleep(between(random, 1, 20));
    if (kind === 'late') {
      const issued = this.rotate(refresh);
      const takes = between(random, PROVIDER_TIMEOUT + 500, ANSWER_TIMEOUT - 2000);
      await clock.sleep(Math.min(takes, this.listensFor));
      if (takes > this.listensFor) throw new ProviderError('interrupted', 'timeout');
      return issued;
    }
    if (kind === 'spent' || kind === 'unreadable') this.rotate(refresh);
    throw ERRORS[kind]();
  }

  private rotate(refresh: string): IssuedTokens {
    const user = userOf(refresh);
    const family = this.families.get(user);
    if (!family) throw new ProviderError('invalid_grant', 'invalid_grant');
    const now = this.clock.now();
    const usedAt = family.used.get(refresh);
    const graced = usedAt !== undefined && now - usedAt <= this.weather.grace;
    if (!family.unused.delete(refresh) && !graced) {
      family.revoked = true;
      family.unused.clear();
      throw new ProviderError('invalid_grant', 'invalid_grant');
    }
    if (usedAt === undefined) family.used.set(refresh, now);
    const { access, refresh: next } = this.issue(user, family);
    return {
      accessToken: access,
      refreshToken: next,
      scopes: null,
      expiresIn: LIFETIME / 1000,
      subject: null,
      accountId: null,
    };
  }

  private issue(user: string, family: Family): { access: string; refresh: string } {
    family.serial += 1;
    const access = `${user}/access/${String(family.serial)}`;
    family.access.set(access, this.clock.now() + LIFETIME);
    const refresh = `${user}/refresh/${String(family.serial)}`;
    family.unused.add(refresh);
    return { access, refresh };
  }
}

const userOf = (refresh: string): string => refresh.split('/', 1)[0] ?? '';

const ERRORS: Readonly<Record<Exclude<FaultKind, 'late'>, () => ProviderError>> = {
  refused: () => new ProviderError('invalid_grant', 'invalid_grant'),
  other_word: () => new ProviderError('rejected', 'unauthorized_client'),
  client_refused: () => new ProviderError('invalid_client', 'invalid_client'),
  server_error: () => new ProviderError('unavailable', 'http_500'),
  slow_down: () => new ProviderError('rate_limited', 'http_429', ASKED_SECONDS * 1000),
  unreachable: () => new ProviderError('unreachable', 'econnrefused'),
  spent: () => new ProviderError('unavailable', 'http_502'),
  unreadable: () =>
    new UnreadableAnswerError('not_json', {
      status: 200,
      contentType: 'text/html',
      contentEncoding: null,
      body: Buffer.from('<html>'),
    }),
};
