import { randomBytes } from 'node:crypto';
import { challengeOf } from '../index.js';
import type { ConsentChoice, StitchMoneySandbox } from '../index.js';

/** A clock that stands still until it is told to move. */
export class TestClock {
  constructor(private milliseconds = Date.parse('2026-01-01T00:00:00Z')) {}

  readonly now = (): number => this.milliseconds;

  advance(seconds: number): void {
    this.milliseconds += seconds * 1000;
  }
}

export const REDIRECT_URI = 'http://127.0.0.1:3001/callback/stitch-money';
export const random43 = (): string => randomBytes(32).toString('base64url');

export interface Answer {
  readonly status: number;
  /** The rule that was broken, as the sandbox names it. */
  readonly rule: string | null;
  readonly text: string;
  readonly json: Partial<Record<string, unknown>>;
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return {
    status: response.status,
    rule: response.headers.get('x-sandbox-rule'),
    text,
    json: isJson && text !== '' ? (JSON.parse(text) as Answer['json']) : {},
  };
}

export async function postForm(url: string, form: Record<string, string>): Promise<Answer> {
  return answerOf(await fetch(url, { method: 'POST', body: new URLSearchParams(form) }));
}

export async function postJson(url: string, body: unknown, bearer?: string): Promise<Answer> {
  const headers = {
    'content-type': 'application/json',
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
  };
  return answerOf(await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }));
}

/** A minimal app of stitch.money, written straight from S3, with every value open to tampering. */
export class MoneyClient {
  readonly verifier = random43();
  readonly state = random43();
  readonly nonce = random43();

  constructor(private readonly server: StitchMoneySandbox) {}

  authorizationUrl(change: Record<string, string | undefined> = {}): string {
    const url = new URL('/connect/authorize', this.server.url);
    const query: Record<string, string | undefined> = {
      client_id: this.server.clientId,
      scope: 'openid accounts balances transactions offline_access',
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      state: this.state,
      nonce: this.nonce,
      code_challenge: challengeOf(this.verifier),
      code_challenge_method: 'S256',
      ...change,
    };
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    return url.href;
  }

  /** Consents and returns the query of the callback. */
  async consent(choice?: ConsentChoice): Promise<URLSearchParams> {
    return new URL(await this.server.consent(this.authorizationUrl(), choice)).searchParams;
  }

  async code(choice?: ConsentChoice): Promise<string> {
    return (await this.consent(choice)).get('code') ?? '';
  }

  exchange(code: string, change: Record<string, string> = {}): Promise<Answer> {
    return this.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: REDIRECT_URI,
      code_verifier: this.verifier,
      ...change,
    });
  }

  refresh(refreshToken: unknown, change: Record<string, string> = {}): Promise<Answer> {
    const refresh_token = String(refreshToken);
    return this.token({ grant_type: 'refresh_token', refresh_token, ...change });
  }

  token(form: Record<string, string>): Promise<Answer> {
    const { clientId: client_id, clientSecret: client_secret } = this.server;
    return postForm(`${this.server.url}/connect/token`, { client_id, client_secret, ...form });
  }

  async callApi(accessToken: string): Promise<number> {
    return (await postJson(`${this.server.url}/graphql`, { query: '{ user }' }, accessToken))
      .status;
  }
}
