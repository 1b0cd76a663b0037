import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { lengthen } from '../wire.js';
import type { WireAnswer, WireFault } from '../wire.js';

/** What may be wrong with every answer of a provider, or with those to a few users. */
export interface Fault {
  readonly name: string;
  /** Users for whom the provider is in trouble; all when not given. */
  readonly sick?: number;
  readonly users?: number;
  /** Seconds that a token lives, if not twenty. */
  readonly lifetime?: number;
  readonly answer: WireFault;
  /** Seconds that the fault lasts, and in the short version. */
  readonly seconds?: readonly [number, number];
  /** Grants that may be lost or marked dead at most. */
  readonly given?: number;
  /** Grants whose tokens may be spent for nothing at most, held or lost, by all replicas together. */
  readonly spent?: number;
  /** Whether replicas are killed and started again meanwhile: what they know of the fault is lost. */
  readonly kills?: boolean;
  /** Grants that the provider asked to wait for longer than the scenario. */
  readonly waiting?: number;
}

const refusal =
  (status: number, error: string, headers: Record<string, string> = {}): WireFault =>
  () => ({
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ error }),
  });
const altered =
  (alter: (answer: WireAnswer) => WireAnswer): WireFault =>
  async (_, forward) => {
    const answer = await forward();
    return answer.status === 200 ? alter(answer) : answer;
  };
const sometimes =
  (share: number, fault: WireFault): WireFault =>
  (user, forward) =>
    Math.random() < share ? fault(user, forward) : forward();
const late =
  (seconds: number): WireFault =>
  async (_, forward) => {
    const answer = await forward();
    await sleep(seconds * 1000);
    return answer;
  };

/** Tried by `systematic`. */
export const FAULTS: readonly Fault[] = [
  { name: 'answers after 12 s', answer: late(12), seconds: [40, 20] },
  { name: 'answers after 20 s', answer: late(20), seconds: [60, 25] },
  {
    name: 'answers gzipped unasked',
    answer: altered(({ headers, body, ...answer }) => ({
      ...answer,
      headers: { ...headers, 'content-encoding': 'gzip' },
      body: gzipSync(body),
    })),
  },
  {
    name: 'refresh tokens of 9,000 characters',
    answer: altered((answer) => {
      const tokens = JSON.parse(String(answer.body)) as { refresh_token: string };
      const refresh_token = lengthen(tokens.refresh_token, 9000);
      return { ...answer, body: JSON.stringify({ ...tokens, refresh_token }) };
    }),
  },
  { name: 'invalid_grant to everybody', answer: refusal(400, 'invalid_grant'), given: 5 },
  {
    name: 'invalid_grant to everybody, kill -9 every 3 s',
    answer: refusal(400, 'invalid_grant'),
    given: 5,
    kills: true,
  },
  { name: 'invalid_client to everybody', answer: refusal(401, 'invalid_client') },
  {
    name: 'answers that nobody understands',
    answer: altered((answer) => ({ ...answer, body: `<html>${String(answer.body)}</html>` })),
    spent: 5,
  },
  {
    name: 'answers compressed, and cut',
    answer: altered(({ headers, body, ...answer }) => ({
      ...answer,
      headers: { ...headers, 'content-encoding': 'gzip' },
      body: gzipSync(body).subarray(0, 40),
    })),
    spent: 5,
  },
  {
    name: 'answers lost, tokens spent',
    answer: async (_, forward) => {
      await forward();
      return { status: 502, headers: {}, body: '' };
    },
    spent: 5,
  },
  {
    name: 'answers lost behind a page of a proxy, tokens spent',
    answer: async (_, forward) => {
      await forward();
      const headers = { 'content-type': 'text/html' };
      return { status: 502, headers, body: '<html>Bad Gateway</html>' };
    },
    spent: 5,
  },
  {
    name: 'connections cut, tokens spent',
    answer: async (_, forward) => {
      await forward();
      throw new Error('cut');
    },
    spent: 5,
  },
  ...(
    [
      [
        'nobody understands',
        (answer: WireAnswer) => ({ ...answer, body: `<html>${String(answer.body)}</html>` }),
      ],
      ['are lost', () => ({ status: 502, headers: {}, body: '' })],
    ] as const
  ).map(([what, alter]) => ({
    name: `half of all answers ${what}, tokens spent, thousands due`,
    users: 2000,
    seconds: [60, 30] as const,
    answer: sometimes(0.5, altered(alter)),
    // Beside those that tell of it, what is in flight by then.
    spent: 40,
  })),
  // Something in front of the provider answers; the provider has not seen the request.
  ...(
    [
      ['a page of maintenance', 200, '<!doctype html><title>Back at noon</title>'],
      ['redirects to another place', 307, ''],
      ['an empty answer', 200, ''],
    ] as const
  ).map(([name, status, body]) => ({
    name,
    answer: () =>
      Promise.resolve({ status, headers: { 'content-type': 'text/html', location: '/' }, body }),
  })),
  {
    name: 'one node of three answers 502',
    answer: sometimes(1 / 3, () => Promise.resolve({ status: 502, headers: {}, body: '' })),
  },
  { name: '429 without Retry-After to everybody', answer: refusal(429, 'slow_down') },
  { name: '500 to a few', users: 40, sick: 3, answer: refusal(500, 'server_error') },
  { name: '200 with an error to a few', users: 40, sick: 3, answer: refusal(200, 'server_error') },
  {
    name: '429 with Retry-After 600 to one',
    users: 40,
    sick: 1,
    answer: refusal(429, 'slow_down', { 'retry-after': '600' }),
    waiting: 1,
  },
  ...(
    [
      [400, 'unauthorized_client'],
      [401, 'invalid_client'],
      [400, 'interaction_required'],
      [200, 'bad_refresh_token'],
    ] as const
  ).map(([status, word]) => ({
    name: `${word} to five`,
    users: 40,
    sick: 5,
    answer: refusal(status, word),
  })),
  // Ten minutes of a provider with tokens of ten minutes, in proportion.
  ...(
    [
      ['500 to 5 % of 5,000', refusal(500, 'server_error'), 250, 0],
      ['invalid_grant to all of 5,000', refusal(400, 'invalid_grant'), undefined, 5],
      ['answers after 20 s to all of 5,000', late(20), undefined, 0],
    ] as const
  ).map(([name, answer, sick, given]) => ({
    ...{ name, answer, given, users: 5000, lifetime: 120, seconds: [120, 60] as const },
    ...(sick === undefined ? {} : { sick }),
  })),
];
