import type { WireAnswer } from './wire.js';

/** Traces of the inside that no answer may carry. */
const INSIDE = /node_modules|\bat .+:\d+:\d+|src\/|dist\/|\.[jt]s\b|Error:|SELECT |INSERT /;

/**
 * A refusal of the internal API: 4xx, a whole problem document, which says by field what is wrong
 * when it is a 400, and nothing of the inside.
 */
export function expectProblem(answer: WireAnswer, status?: number): void {
  expectClientError(answer);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = JSON.parse(answer.body) as Record<string, unknown>;
  expect(problem).toMatchObject({
    type: `urn:stitch-token-vault:problem:${String(problem.code)}`,
    title: expect.stringMatching(/^[A-Z]/),
    status: answer.status,
    detail: expect.stringMatching(/\.$/),
    code: expect.stringMatching(/^[a-z_]+$/),
  });
  expect(answer.headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  if (answer.status === 400) expect(Object.values(problem.errors ?? {})).not.toEqual([]);
  if (status !== undefined) expect(answer).toMatchObject({ status });
}

/** A refusal of the public listener: 4xx and a plain page that may load and run nothing. */
export function expectPage(answer: WireAnswer, status?: number): void {
  expectClientError(answer);
  expect(answer.headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'content-security-policy': expect.stringContaining("default-src 'none'"),
  });
  expect(answer.body).not.toContain('<script');
  if (status !== undefined) expect(answer).toMatchObject({ status });
}

function expectClientError(answer: WireAnswer): void {
  if (answer.status < 400 || answer.status > 499) {
    throw new Error(`not a 4xx: ${String(answer.status)} ${answer.body.slice(0, 500)}`);
  }
  expect(answer.body).not.toMatch(INSIDE);
}
