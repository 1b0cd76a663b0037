import fc from 'fast-check';
import { residentMemory } from '../faults/resident-memory.js';
import { PARSERS } from './parsers.js';
import { Sender, requestsFor } from './requests.js';
import type { FuzzAnswer, FuzzRequest } from './requests.js';
import type { FuzzTarget } from './target.js';

/** What a run of requests came to. */
export interface FuzzResult {
  readonly requests: number;
  /** Answers by their status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** MiB of the vault, after the first tenth of the time and at the end. */
  readonly memory: { readonly early: number; readonly late: number };
}

/** Requests that are under way at once. */
const AT_ONCE = 8;
/** Milliseconds within which one batch has to be answered. */
const ANSWERED_WITHIN_MS = 20_000;
/** Codes of a 5xx that is the truth: the provider's side of a request made up here. */
const PROVIDER_CODES = new Set(['provider_unavailable', 'provider_misconfigured']);

/** Throws what a reader must never see, whatever was asked. */
function assertAnswer(request: FuzzRequest, { status, body, contentType }: FuzzAnswer): void {
  const about = `${request.method} ${request.path}: ${String(status)} ${body.slice(0, 300)}`;
  if (status >= 500 && !PROVIDER_CODES.has(codeOf(body))) throw new Error(`5xx for ${about}`);
  if (/\bat .+\.(js|ts):\d+|node_modules|QueryFailedError/.test(body)) {
    throw new Error(`a stack in ${about}`);
  }
  const described = /^(application\/problem\+json|text\/html)/.test(contentType);
  if (status >= 400 && !described && body !== '') throw new Error(`no problem document: ${about}`);
}

function codeOf(body: string): string {
  try {
    return String((JSON.parse(body) as { code?: unknown }).code);
  } catch {
    return '';
  }
}

/**
 * Sends requests to every route until the time is up. A request that is answered as none may be is
 * shrunk to its smallest form and thrown, with the seed that makes it again.
 */
export async function fuzzRoutes(
  target: FuzzTarget,
  forMs: number,
  seed: number,
): Promise<FuzzResult> {
  const { vault, description, credentials } = target;
  const sender = new Sender(vault.internalUrl, vault.publicUrl);
  const statuses: Record<string, number> = {};
  const began = Date.now();
  let requests = 0;
  let early = 0;
  let known = 0;
  const memory = () => residentMemory(vault.pid ?? 0);
  const batch = fc.array(requestsFor(description, credentials), {
    minLength: 1,
    maxLength: AT_ONCE,
  });
  const property = fc.asyncProperty(batch, async (sent) => {
    const answers = await Promise.all(sent.map((request) => sender.send(request)));
    requests += answers.length;
    if (early === 0 && Date.now() - began > forMs / 10) early = memory();
    for (const [index, answer] of answers.entries()) {
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      const request = sent[index];
      if (request) assertAnswer(request, answer);
    }
    // A failure is that of the batch it came with, also while a batch is being made smaller.
    const [failure] = target.failures().slice(known);
    known = target.failures().length;
    if (failure !== undefined) throw new Error(`the vault logged ${failure}`);
  });
  try {
    for (let round = 0; Date.now() - began < forMs; round += 1) {
      await fc.assert(property, {
        seed: seed + round,
        numRuns: 2000,
        timeout: ANSWERED_WITHIN_MS,
        interruptAfterTimeLimit: Math.max(1, forMs - (Date.now() - began)),
        markInterruptAsFailure: false,
      });
    }
  } finally {
    sender.close();
  }
  return { requests, statuses, memory: { early, late: memory() } };
}

/** Gives every parser its turn. @returns inputs tried */
export async function fuzzParsers(runs: number, seed: number): Promise<number> {
  let tried = 0;
  for (const { name, property } of PARSERS) {
    try {
      await fc.assert(property, { seed, numRuns: runs });
    } catch (error) {
      throw new Error(`${name}, seed ${String(seed)}`, { cause: error });
    }
    tried += runs;
  }
  return tried;
}
