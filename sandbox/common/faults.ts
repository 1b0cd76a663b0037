import type { FastifyReply } from 'fastify';

/**
 * Milliseconds an API answer is held back; a pair means "anywhere between". A caller in the same
 * process can also give a promise: the answers to calls that came meanwhile leave when it settles.
 */
export type Latency = number | [number, number] | Promise<unknown>;

export interface FaultLimits<Target extends string> {
  /** Which calls the fault is for. */
  faultOn: Target | 'all';
  /** How likely each such call is to meet it. */
  faultRate: number;
  /** Only the next so many calls meet it; null: no limit. Counts down. */
  faultCount: number | null;
}

/** Decides, call by call, whether the switched-on fault strikes, and counts `faultCount` down. */
export function strikes<Target extends string>(
  limits: FaultLimits<Target>,
  target: Target,
  random: () => number,
): boolean {
  if (limits.faultOn !== 'all' && limits.faultOn !== target) return false;
  if (limits.faultCount === 0) return false;
  if (limits.faultRate < 1 && random() >= limits.faultRate) return false;
  if (limits.faultCount !== null) limits.faultCount -= 1;
  return true;
}

/** Waits as long as the switch says; returns at once, without a timer, when it says nothing. */
export async function holdBack(latency: Latency, random: () => number): Promise<void> {
  if (latency instanceof Promise) {
    await latency;
    return;
  }
  const [from, to] = typeof latency === 'number' ? [latency, latency] : latency;
  const milliseconds = from === to ? from : from + (to - from) * random();
  if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Cuts the connection without a byte of answer, as a crashed server or a broken path would. */
export function drop(reply: FastifyReply): FastifyReply {
  reply.hijack();
  reply.raw.socket?.destroy();
  return reply;
}

/** Never answers; the socket stays open until the caller gives up or the sandbox closes. */
export function hang(reply: FastifyReply): FastifyReply {
  return reply.hijack();
}

/** 429 and 5xx as a gateway in front of the server sends them: not JSON, maybe `Retry-After`. */
export function unavailable(
  reply: FastifyReply,
  status: number,
  retryAfter: number | string | null,
): FastifyReply {
  if (retryAfter !== null) void reply.header('retry-after', String(retryAfter));
  return reply.code(status).type('text/html').send(`<h1>${status}</h1>`);
}

/** 200 with a body that is not what was promised, as a captive portal or a proxy might send. */
export function malformed(reply: FastifyReply): FastifyReply {
  return reply.code(200).type('application/json').send('{"access_token": "cut off her');
}
